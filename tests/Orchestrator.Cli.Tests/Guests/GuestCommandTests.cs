using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Guests;

public sealed class GuestCommandTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _server.On<DefineGuestRequest, DefineGuestResponse>(request => new DefineGuestResponse { Guest = Sample.Guest(request.GuestId, GuestState.ShutOff) });
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Define_Flags_BecomeTheSpec()
    {
        var run = await Migctl.RunAsync(
            _server,
            "guests", "define", "web-1", "--memory", "512MiB", "--vcpus", "2", "--machine", "q35", "--cpu-model", "qemu64,+sse4.2", "--accelerator", "tcg",
            "--boot-guest", "--working-set", "64MiB", "--dirty-rate", "20MiB/s", "--fill", "1MiB", "--heartbeats", "50", "--cpu-bound");

        Assert.Equal("Guest web-1 is defined. Start it with: migctl guests start web-1 HOST\n", run.Out);
        Assert.Equal(
            new DefineGuestRequest
            {
                GuestId = "web-1",
                Spec = new MachineSpec
                {
                    MemoryBytes = 512 * Sample.MiB,
                    Vcpus = 2,
                    MachineType = "q35",
                    CpuModel = "qemu64,+sse4.2",
                    Accelerator = Accelerator.Tcg,
                    BootGuest = new BootGuest
                    {
                        WorkingSetBytes = 64 * Sample.MiB,
                        DirtyBytesPerSecond = 20 * Sample.MiB,
                        FillBytes = Sample.MiB,
                        HeartbeatsPerSecond = 50,
                        CpuBound = true,
                    },
                },
            },
            Assert.Single(_server.Seen<DefineGuestRequest>()));
    }

    [Fact]
    public async Task Define_BootGuestAlone_RewritesAQuarterOfItsMemory()
    {
        var run = await Migctl.RunAsync(_server, "guests", "define", "web-1", "--memory", "256MiB", "--boot-guest");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(64 * Sample.MiB, Assert.Single(_server.Seen<DefineGuestRequest>()).Spec.BootGuest.WorkingSetBytes);
    }

    [Fact]
    public async Task Define_File_TakesWhatGetPrints()
    {
        _server.On<GetGuestRequest, GetGuestResponse>(request => new GetGuestResponse { Guest = Sample.Guest(request.GuestId) });

        var get = await Migctl.RunAsync(_server, "guests", "get", "web-1");
        var spec = get.Out[get.Out.IndexOf("# Machine", StringComparison.Ordinal)..];
        var define = await DefineAsync(spec, "guests", "define", "web-2", "-f", "-");

        Assert.Equal(0, define.ExitCode);
        Assert.Equal(new DefineGuestRequest { GuestId = "web-2", Spec = Sample.Guest().Spec }, Assert.Single(_server.Seen<DefineGuestRequest>()));
    }

    [Fact]
    public async Task Define_FaultyFile_NamesEveryFieldAndAsksNobody()
    {
        var run = await DefineAsync("memory_bytes: lots\nvcpu: 2\n", "guests", "define", "web-2", "-f", "-");

        Assert.Equal(2, run.ExitCode);
        Assert.Empty(_server.Seen<DefineGuestRequest>());
        Assert.Equal(
            """
            migctl: standard input has 2 fields that cannot be understood.
              memory_bytes: "lots" is no size: write bytes, or a number with KiB, MiB, GiB, TiB (1024) or kB, MB, GB, TB (1000), e.g. 64MiB (line 1)
              vcpu: is not known; allowed: memory_bytes, vcpus, machine_type, cpu_model, accelerator, boot_guest, kernel, disks, network_interfaces, vfio_devices (line 2)

            """,
            run.Error);
    }

    [Theory]
    [InlineData("--memory", "-f", "-f gives the whole machine; leave --memory out.")]
    [InlineData("--working-set", "--memory", "--working-set: only with --boot-guest.")]
    [InlineData("--working-set", "", "Give the machine: --memory, or a file with -f.")]
    public async Task Define_FlagsThatDoNotGoTogether_AreAUsageError(string first, string second, string why)
    {
        string[] arguments = ["guests", "define", "web-2", first, "64MiB", .. second.Length == 0 ? [] : new[] { second, "64MiB" }];
        var run = await Migctl.RunAsync(_server, arguments);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(why, run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--host-selector", "rack in r1", "write KEY=VALUE, KEY!=VALUE")]
    [InlineData("--host-selector", "", "cannot be understood")]
    [InlineData("--affinity", "app", "write LABEL=VALUE[,LABEL=VALUE...]")]
    [InlineData("--affinity", "app=web,app=db", "write LABEL=VALUE[,LABEL=VALUE...]")]
    [InlineData("--prefer-affinity", "app=web weight 99999999999", "write LABEL=VALUE[,LABEL=VALUE...]")]
    [InlineData("--label", "app", "is no label; write KEY=VALUE")]
    public async Task Define_TermsThatCannotBeUnderstood_AreAUsageError(string flag, string value, string why)
    {
        var run = await Migctl.RunAsync(_server, "guests", "define", "web-1", "--memory", "512MiB", flag, value);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(why, run.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Seen<DefineGuestRequest>());
    }

    [Fact]
    public async Task Define_NoSuchFile_IsAUsageError()
    {
        var run = await Migctl.RunAsync(_server, "guests", "define", "web-2", "-f", "/no/such/file.yaml");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("/no/such/file.yaml cannot be read", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartStopPauseResume_SayWhatTheGuestIs()
    {
        _server.On<StartGuestRequest, StartGuestResponse>(_ => new StartGuestResponse { Guest = Sample.Guest() });
        _server.On<StopGuestRequest, StopGuestResponse>(_ => new StopGuestResponse { Guest = Sample.Guest(state: GuestState.ShutOff) });
        _server.On<PauseGuestRequest, PauseGuestResponse>(_ => new PauseGuestResponse { Guest = Sample.Guest(state: GuestState.Paused) });
        _server.On<ResumeGuestRequest, ResumeGuestResponse>(_ => new ResumeGuestResponse { Guest = Sample.Guest(state: GuestState.Unknown) });

        Assert.Equal("Guest web-1 runs on h1.\n", (await Migctl.RunAsync(_server, "guests", "start", "web-1", "h1", "--paused")).Out);
        Assert.Equal("Guest web-1 is shut off.\n", (await Migctl.RunAsync(_server, "guests", "stop", "web-1")).Out);
        Assert.Equal("Guest web-1 is shut off.\n", (await Migctl.RunAsync(_server, "guests", "stop", "web-1", "--grace", "0")).Out);
        Assert.Equal("Guest web-1 is paused on h1.\n", (await Migctl.RunAsync(_server, "guests", "pause", "web-1")).Out);
        Assert.Equal("Guest web-1 is unknown on h1.\n", (await Migctl.RunAsync(_server, "guests", "resume", "web-1")).Out);

        Assert.Equal(new StartGuestRequest { GuestId = "web-1", HostId = "h1", Paused = true }, Assert.Single(_server.Seen<StartGuestRequest>()));
        Assert.Equal([Sample.Ms(30_000), new Duration()], _server.Seen<StopGuestRequest>().Select(request => request.Grace));
    }

    [Fact]
    public async Task List_OnAHost_IsATableAndParsesBack()
    {
        _server.On<ListGuestsRequest, ListGuestsResponse>(_ => new ListGuestsResponse
        {
            Guests = { Sample.Guest(), Sample.Guest("web-2", GuestState.ShutOff) },
        });

        var table = await Migctl.RunAsync(_server, "guests", "list", "--host", "h1");
        var json = await Migctl.RunAsync(_server, "guests", "list", "-o", "json");

        Assert.Equal(
            """
            GUEST  STATE     HOST  MEMORY   VCPUS  SINCE                 MIGRATION
            web-1  running   h1    512 MiB  2      2026-08-01 12:02:00Z  -
            web-2  shut-off  -     512 MiB  2      2026-08-01 12:02:00Z  -

            """,
            table.Out);
        Assert.Equal("h1", _server.Seen<ListGuestsRequest>()[0].HostId);
        Assert.Equal([Sample.Guest(), Sample.Guest("web-2", GuestState.ShutOff)], json.Json<ListGuestsResponse>().Guests);
    }

    [Fact]
    public async Task GetAndRemove_AskAndAnswer()
    {
        _server.On<GetGuestRequest, GetGuestResponse>(request => new GetGuestResponse { Guest = Sample.Guest(request.GuestId) });
        _server.On<RemoveGuestRequest, RemoveGuestResponse>(_ => new RemoveGuestResponse());

        var get = await Migctl.RunAsync(_server, "guests", "get", "web-1");
        var json = await Migctl.RunAsync(_server, "guests", "get", "web-1", "-o", "json");
        var remove = await Migctl.RunAsync(_server, "guests", "remove", "web-1");

        Assert.Equal(
            """
            Guest:    web-1
            State:    running
            Since:    2026-08-01 12:02:00Z
            Host:     h1
            Defined:  2026-08-01 11:53:00Z

            # Machine, as "migctl guests define -f" takes it
            memory_bytes: 512MiB
            vcpus: 2
            machine_type: q35
            accelerator: tcg
            boot_guest:
              working_set_bytes: 64MiB
              dirty_bytes_per_second: 20MiB/s

            """,
            get.Out);
        Assert.Equal(Sample.Guest(), json.Json<GetGuestResponse>().Guest);
        Assert.Equal("Guest web-1 is removed.\n", remove.Out);
    }

    private Task<Migctl> DefineAsync(string file, params string[] arguments) =>
        Migctl.RunAsync(arguments, new Migctl.Setting { Server = _server.Address.OriginalString, Input = file });
}
