using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Guests;

/// <summary>Where a guest may run and who is told: flags, files and what is printed of it.</summary>
public sealed class GuestTermsTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _server.On<DefineGuestRequest, DefineGuestResponse>(request => new DefineGuestResponse { Guest = Sample.Guest(request.GuestId, GuestState.ShutOff) });
        _server.On<GetGuestRequest, GetGuestResponse>(request =>
        {
            var guest = Sample.Guest(request.GuestId);
            guest.Labels.Add(Request().Labels);
            guest.Placement = Request().Placement;
            guest.Notice = Request().Notice;
            return new GetGuestResponse { Guest = guest };
        });
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Define_Flags_BecomeTheRequest()
    {
        var run = await Migctl.RunAsync(
            _server,
            "guests", "define", "web-1", "--memory", "512MiB", "--label", "app=web", "--label", "tier=", "--host-selector", "rack in (r1, r2)",
            "--host-selector", "zone!=b", "--host-selector", "ssd", "--host-selector", "!old", "--host-selector", "room=1",
            "--affinity", "app=db,tier=1", "--anti-affinity", "app=web per rack", "--prefer-affinity", "app=cache weight 20",
            "--prefer-anti-affinity", "app=noisy per zone weight 5", "--notice-lead", "10m", "--notice-ack", "--notice-webhook",
            "https://owner.example/moves");

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        var expected = Request();
        expected.Spec = new MachineSpec { MemoryBytes = 512 * Sample.MiB, Accelerator = Accelerator.Tcg };
        Assert.Equal(expected, Assert.Single(_server.Seen<DefineGuestRequest>()));
    }

    [Fact]
    public async Task Define_FlagsBesideAMachineFile_AddTheTerms()
    {
        var run = await DefineAsync("memory_bytes: 64MiB\nkernel: {path: /k}\n", "-f", "-", "--label", "app=web");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(
            new DefineGuestRequest
            {
                GuestId = "web-1",
                Spec = new MachineSpec { MemoryBytes = 64 * Sample.MiB, Kernel = new DirectKernel { Path = "/k" } },
                Labels = { ["app"] = "web" },
            },
            Assert.Single(_server.Seen<DefineGuestRequest>()));
    }

    [Fact]
    public async Task Define_File_TakesWhatGetPrints()
    {
        var get = await Migctl.RunAsync(_server, "guests", "get", "web-1");
        var run = await DefineAsync(get.Out[get.Out.IndexOf("# Guest", StringComparison.Ordinal)..], "-f", "-");

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        var expected = Request();
        expected.Spec = Sample.Guest().Spec;
        Assert.Equal(expected, Assert.Single(_server.Seen<DefineGuestRequest>()));
    }

    [Fact]
    public async Task Get_SaysTheTermsInWords()
    {
        var get = await Migctl.RunAsync(_server, "guests", "get", "web-1");

        Assert.Contains(
            """
            Labels:    app=web, tier=
            Hosts:     rack in (r1,r2), zone!=b, ssd, !old, room=1
            Affinity:  near app=db,tier=1
                       away from app=web per rack
                       preferably near app=cache weight 20
                       preferably away from app=noisy per zone weight 5
            Notice:    10 min before it moves, or until its owner agrees, to https://owner.example/moves
            """,
            get.Out,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("spec: {memory_bytes: 64MiB}\nguest_id: web-9\n", "is of guest web-9, not of web-1")]
    [InlineData("spec: {memory_bytes: 64MiB}\nlabels: [a]\n", "labels: must be a mapping of names to values (line 2)")]
    [InlineData("spec: {memory_bytes: 64MiB}\nplacement: {host_selector: [{key: a, operator: like}]}\n", "one of in, not_in, exists, does_not_exist")]
    [InlineData("spec: {memory_bytes: 64MiB}\nlabel: {a: b}\n", "label: is not known; allowed: guest_id, spec, labels, placement, notice")]
    public async Task Define_FaultyFile_IsRefused(string file, string why)
    {
        var run = await DefineAsync(file, "-f", "-");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(why, run.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Seen<DefineGuestRequest>());
    }

    [Fact]
    public async Task Define_FlagsBesideAWholeGuest_AreAUsageError()
    {
        var run = await DefineAsync("spec: {memory_bytes: 64MiB}\n", "-f", "-", "--notice-ack");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("gives the whole guest; leave --notice-ack out", run.Error, StringComparison.Ordinal);
    }

    private static DefineGuestRequest Request() => new()
    {
        GuestId = "web-1",
        Labels = { ["app"] = "web", ["tier"] = "" },
        Placement = new PlacementTerms
        {
            HostSelector =
            {
                new LabelRequirement { Key = "rack", Operator = LabelOperator.In, Values = { "r1", "r2" } },
                new LabelRequirement { Key = "zone", Operator = LabelOperator.NotIn, Values = { "b" } },
                new LabelRequirement { Key = "ssd", Operator = LabelOperator.Exists },
                new LabelRequirement { Key = "old", Operator = LabelOperator.DoesNotExist },
                new LabelRequirement { Key = "room", Operator = LabelOperator.In, Values = { "1" } },
            },
            Affinity =
            {
                new AffinityTerm { GuestLabels = { ["app"] = "db", ["tier"] = "1" }, Required = true },
                new AffinityTerm { GuestLabels = { ["app"] = "web" }, TopologyKey = "rack", Anti = true, Required = true },
                new AffinityTerm { GuestLabels = { ["app"] = "cache" }, Weight = 20 },
                new AffinityTerm { GuestLabels = { ["app"] = "noisy" }, TopologyKey = "zone", Anti = true, Weight = 5 },
            },
        },
        Notice = new NoticeTerms
        {
            LeadTime = Duration.FromTimeSpan(TimeSpan.FromMinutes(10)),
            AcknowledgementEndsWait = true,
            WebhookUrl = "https://owner.example/moves",
        },
    };

    private Task<Migctl> DefineAsync(string file, params string[] arguments) =>
        Migctl.RunAsync(["guests", "define", "web-1", .. arguments], new Migctl.Setting { Server = _server.Address.OriginalString, Input = file });
}
