using Grpc.Core;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Hosts;

public sealed class HostCommandTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;

    public async Task InitializeAsync() => _server = await ScriptedServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Register_SendsLabelsAndDescribesTheHost()
    {
        _server.On<RegisterHostRequest, RegisterHostResponse>(request => new RegisterHostResponse { Host = Sample.Host(request.HostId) });

        var run = await Migctl.RunAsync(_server, "hosts", "register", "h1", "http://10.0.0.11:7444", "--label", "rack=r12", "--label", "zone=a=b");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(
            new RegisterHostRequest { HostId = "h1", AgentEndpoint = "http://10.0.0.11:7444", Labels = { ["rack"] = "r12", ["zone"] = "a=b" } },
            Assert.Single(_server.Seen<RegisterHostRequest>()));
        Assert.Equal(
            """
            Host h1 is registered.

            Host:               h1
            State:              connected since 2026-08-01 11:03:00Z
            Cordoned:           no
            Agent:              http://10.0.0.11:7444 (version 1.2.0)
            Labels:             rack=r12, zone=b
            Registered:         2026-08-01 11:03:00Z
            Last seen:          2026-08-01 12:03:00Z
            Guests:             3
            Memory in use:      4 GiB + 512 MiB reserved of 15 GiB
            vCPUs in use:       6 of 64
            Moves:              1 out, 2 in
            CPUs:               8 x Xeon
            Memory:             16 GiB, 12 GiB available
            Kernel:             6.1.0
            Migration address:  10.0.0.11
            Up since:           1 min 30 s ago
            Engine:             qemu 7.2.22 (Debian 1:7.2+dfsg-7) at /usr/bin/qemu-system-x86_64
                                answers on: tcg
                                features: switchover-ack

            """,
            run.Out);
    }

    [Theory]
    [InlineData("rack")]
    [InlineData("=r12")]
    public async Task Register_NoLabel_IsRefusedBeforeTheServerIsAsked(string label)
    {
        var run = await Migctl.RunAsync(_server, "hosts", "register", "h1", "http://10.0.0.11:7444", "--label", label);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("write KEY=VALUE", run.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Seen<RegisterHostRequest>());
    }

    [Fact]
    public async Task List_ManyPages_IsOneTableAndOneDocument()
    {
        _server.On<ListHostsRequest, ListHostsResponse>(request => request.PageToken switch
        {
            "" => new ListHostsResponse { Hosts = { Sample.Host("h1") }, NextPageToken = "2" },
            "2" => new ListHostsResponse { Hosts = { new Host { HostId = "h2", State = HostState.Suspect, Cordoned = true } } },
            _ => throw ScriptedServer.Refuse(StatusCode.InvalidArgument, "BAD", "bad token"),
        });

        var table = await Migctl.RunAsync(_server, "hosts", "list");
        var json = await Migctl.RunAsync(_server, "hosts", "list", "-o", "json");

        Assert.Equal(
            """
            HOST  STATE      SINCE                 CORDONED  GUESTS  MEMORY                              VCPUS    MOVES        ENGINE       AGENT                  LAST SEEN
            h1    connected  2026-08-01 11:03:00Z  no        3       4 GiB + 512 MiB reserved of 15 GiB  6 of 64  1 out, 2 in  qemu 7.2.22  http://10.0.0.11:7444  2026-08-01 12:03:00Z
            h2    suspect    -                     yes       -       -                                   -        -            -            -                      -

            """,
            table.Out);
        var answer = json.Json<ListHostsResponse>();
        Assert.Equal(["h1", "h2"], answer.Hosts.Select(host => host.HostId));
        Assert.Empty(answer.NextPageToken);
    }

    [Fact]
    public async Task Get_Json_IsTheAnswerItself()
    {
        _server.On<GetHostRequest, GetHostResponse>(request => new GetHostResponse { Host = Sample.Host(request.HostId) });

        var run = await Migctl.RunAsync(_server, "hosts", "get", "h1", "--output", "json");

        Assert.Equal(new GetHostResponse { Host = Sample.Host() }, run.Json<GetHostResponse>());
    }

    [Fact]
    public async Task CordonUncordonRemove_AskAndAnswer()
    {
        _server.On<CordonHostRequest, CordonHostResponse>(request => new CordonHostResponse { Host = Sample.Host(request.HostId) });
        _server.On<UncordonHostRequest, UncordonHostResponse>(request => new UncordonHostResponse { Host = Sample.Host(request.HostId) });
        _server.On<RemoveHostRequest, RemoveHostResponse>(_ => new RemoveHostResponse());

        var cordon = await Migctl.RunAsync(_server, "hosts", "cordon", "h1", "--reason", "@kernel");
        var uncordon = await Migctl.RunAsync(_server, "hosts", "uncordon", "h1");
        var remove = await Migctl.RunAsync(_server, "hosts", "remove", "h1");

        Assert.Equal([0, 0, 0], [cordon.ExitCode, uncordon.ExitCode, remove.ExitCode]);
        Assert.Equal("Host h1 is cordoned. Open it again with: migctl hosts uncordon h1\n", cordon.Out);
        Assert.Equal("Host h1 is open.\n", uncordon.Out);
        Assert.Equal("Host h1 is removed.\n", remove.Out);
        Assert.Equal(new CordonHostRequest { HostId = "h1", Reason = "@kernel" }, Assert.Single(_server.Seen<CordonHostRequest>()));
    }

    [Fact]
    public async Task Get_SaysWhatThereIsAndWhatIsTaken()
    {
        _server.On<GetHostRequest, GetHostResponse>(request =>
        {
            var host = Sample.Host(request.HostId);
            host.State = HostState.Dead;
            host.DeadReason = "burnt (declared by ipv4:10.0.0.9:1)";
            host.Description.HugePages.Add(new HugePages { PageBytes = 2 * Sample.MiB, Total = 8, Free = 3 });
            host.Description.Links.Add(new NetworkLink
            {
                Name = "eth0",
                BytesPerSecond = 3_125_000_000,
                Source = LinkSpeedSource.Reported,
                CarriesMigrations = true,
            });
            host.Description.Links.Add(new NetworkLink { Name = "eth1" });
            host.Description.Devices.Add(new HostDevice { SysfsPath = "/sys/bus/pci/devices/0000:01:00.0", Driver = "vfio-pci", Kind = "10de:20b5" });
            return new GetHostResponse { Host = host };
        });

        var run = await Migctl.RunAsync(_server, "hosts", "get", "h1");

        foreach (var line in new[]
        {
            "dead since 2026-08-01 11:03:00Z", "burnt (declared by ipv4:10.0.0.9:1)", "4 GiB + 512 MiB reserved of 15 GiB", "6 of 64",
            "3 of 8 of 2 MiB free", "eth0: 25 Gb/s, reported, carries migrations", "eth1: speed not known",
            "/sys/bus/pci/devices/0000:01:00.0: 10de:20b5, vfio-pci, free",
        })
        {
            Assert.Contains(line, run.Out, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task DeclareDeadFenceReadmit_AskAndAnswer()
    {
        static Host Dead(string id)
        {
            var host = Sample.Host(id);
            host.DeadReason = "burnt (declared by me)";
            return host;
        }

        _server.On<DeclareHostDeadRequest, DeclareHostDeadResponse>(request => new DeclareHostDeadResponse { Host = Dead(request.HostId) });
        _server.On<FenceHostRequest, FenceHostResponse>(request => new FenceHostResponse { Host = Dead(request.HostId), Output = "off" });
        _server.On<ReadmitHostRequest, ReadmitHostResponse>(request => new ReadmitHostResponse { Host = Sample.Host(request.HostId) });

        var declare = await Migctl.RunAsync(_server, "hosts", "declare-dead", "h1", "--reason", "burnt");
        var fence = await Migctl.RunAsync(_server, "hosts", "fence", "h1", "--reason", "silent");
        var readmit = await Migctl.RunAsync(_server, "hosts", "readmit", "h1");
        var unsaid = await Migctl.RunAsync(_server, "hosts", "declare-dead", "h1");

        Assert.Equal(
            "Host h1 is dead: burnt (declared by me). Its 3 guests may be started elsewhere: migctl guests start GUEST HOST\n", declare.Out);
        Assert.EndsWith("\nThe fencing command said:\noff\n", fence.Out, StringComparison.Ordinal);
        Assert.Equal("Host h1 is used again.\n", readmit.Out);
        Assert.Equal(2, unsaid.ExitCode);
        Assert.Equal(new DeclareHostDeadRequest { HostId = "h1", Reason = "burnt" }, Assert.Single(_server.Seen<DeclareHostDeadRequest>()));
        Assert.Equal(new FenceHostRequest { HostId = "h1", Reason = "silent" }, Assert.Single(_server.Seen<FenceHostRequest>()));
    }

    [Fact]
    public async Task Get_Refused_GoesToStandardErrorAndLeavesWithOne()
    {
        _server.On<GetHostRequest, GetHostResponse>(request =>
            throw ScriptedServer.Refuse(StatusCode.NotFound, "HOST_UNKNOWN", $"No host \"{request.HostId}\".", ("host_id", request.HostId)));

        var run = await Migctl.RunAsync(_server, "hosts", "get", "h9");

        Assert.Equal(1, run.ExitCode);
        Assert.Empty(run.Out);
        Assert.Equal(
            """
            migctl: No host "h9".
              reason: HOST_UNKNOWN
              host_id: h9
              next: see which hosts there are: migctl hosts list

            """,
            run.Error);
    }

    [Fact]
    public async Task Events_SayWhatWasDoneByWhom()
    {
        _server.On<ListHostEventsRequest, ListHostEventsResponse>(_ => new ListHostEventsResponse
        {
            Events =
            {
                new HostEvent
                {
                    HostId = "h1", At = Sample.Host("h1").LastSeenAt, Kind = HostEventKind.DeclaredDead, Caller = "ipv4:10.0.0.9:50112", Message = "pulled the plug",
                },
                new HostEvent { HostId = "h1", At = Sample.Host("h1").RegisteredAt, Kind = HostEventKind.Lost, Message = "not heard for a minute" },
            },
        });

        var run = await Migctl.RunAsync(_server, "hosts", "events", "h1");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(
            """
            AT                    HOST  WHAT           BY                   MESSAGE
            2026-08-01 12:03:00Z  h1    declared-dead  ipv4:10.0.0.9:50112  pulled the plug
            2026-08-01 11:03:00Z  h1    lost           -                    not heard for a minute

            """,
            run.Out);
        Assert.Equal("h1", Assert.Single(_server.Seen<ListHostEventsRequest>()).HostId);
    }
}
