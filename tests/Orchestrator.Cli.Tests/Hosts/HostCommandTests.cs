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
            State:              connected
            Cordoned:           no
            Agent:              http://10.0.0.11:7444 (version 1.2.0)
            Labels:             rack=r12, zone=b
            Registered:         2026-08-01 11:03:00Z
            Last seen:          2026-08-01 12:03:00Z
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
            HOST  STATE      CORDONED  AGENT                  CPUS  MEMORY  AVAILABLE  ENGINE       LAST SEEN
            h1    connected  no        http://10.0.0.11:7444  8     16 GiB  12 GiB     qemu 7.2.22  2026-08-01 12:03:00Z
            h2    suspect    yes       -                      -     -       -          -            -

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
}
