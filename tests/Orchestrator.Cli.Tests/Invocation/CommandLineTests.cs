using System.Text.Json.Nodes;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Invocation;

public sealed class CommandLineTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _server.On<GetHostRequest, GetHostResponse>(request => new GetHostResponse { Host = Sample.Host(request.HostId) });
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData("does nothing alone; there are: migrate, list, watch", new string[] { })]
    [InlineData("migctl hosts does nothing alone; there are: register, list, get", new[] { "hosts" })]
    [InlineData("\"regster\" is no command of migctl hosts", new[] { "hosts", "regster" })]
    [InlineData("Required argument 'HOST' missing", new[] { "hosts", "get" })]
    [InlineData("Unrecognized command or argument '--colour'", new[] { "hosts", "list", "--colour" })]
    [InlineData("Unrecognized command or argument '--detach'", new[] { "evacuate", "start", "h1", "--detach" })]
    [InlineData("--timeout: \"5\" is no duration: write a number with d, h, m, s", new[] { "hosts", "list", "--timeout", "5" })]
    [InlineData("--timeout: must be above 0 and at most 1d", new[] { "hosts", "list", "--timeout", "2d" })]
    [InlineData("--server: \"localhost:7443\" is no server; write http://HOST:PORT", new[] { "hosts", "list", "--server", "localhost:7443" })]
    [InlineData("'xml' not recognized. Must be one of: 'table' 'json'", new[] { "hosts", "list", "-o", "xml" })]
    [InlineData("--limit: \"-1\" is no count", new[] { "list", "--limit", "-1" })]
    [InlineData("--id: \"7\" is no UUID", new[] { "migrate", "a", "b", "--id", "7" })]
    [InlineData("--max-downtime: \"300\" is no duration", new[] { "migrate", "a", "b", "--max-downtime", "300" })]
    [InlineData("--bandwidth: \"3Mb\" is no rate", new[] { "migrate", "a", "b", "--bandwidth", "3Mb" })]
    [InlineData("--policy-revision: only with --policy", new[] { "migrate", "a", "b", "--policy-revision", "2" })]
    [InlineData("'half' not recognized", new[] { "migrate", "a", "b", "--mode", "half" })]
    public async Task Misused_LeavesWithTwoAndSaysWhatIsAllowed(string why, string[] arguments)
    {
        var run = await Migctl.RunAsync(_server, arguments);

        Assert.Equal(2, run.ExitCode);
        Assert.Empty(run.Out);
        Assert.Contains(why, run.Error, StringComparison.Ordinal);
        Assert.Contains("--help", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Misused_InJsonMode_IsJson()
    {
        var run = await Migctl.RunAsync(_server, "hosts", "get", "-o", "json");

        var error = JsonNode.Parse(run.Error)!["error"]!;
        Assert.Equal(2, (int?)error["exitCode"]);
        Assert.Contains("HOST", (string?)error["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_OptionBeatsVariable()
    {
        var run = await Migctl.RunAsync(
            ["hosts", "get", "h1", "--server", _server.Address.OriginalString], new Migctl.Setting { Server = "http://127.0.0.1:1" });

        Assert.Equal(0, run.ExitCode);
    }

    [Fact]
    public async Task Server_FaultyVariable_IsAUsageErrorThatNamesIt()
    {
        var run = await Migctl.RunAsync(["hosts", "list"], new Migctl.Setting { Server = "somewhere" });

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("ORCHESTRATOR_SERVER: \"somewhere\" is no server", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_NobodyThere_LeavesWithThree()
    {
        await _server.GoDownAsync();

        var run = await Migctl.RunAsync(_server, "hosts", "get", "h1");
        var json = await Migctl.RunAsync(_server, "hosts", "get", "h1", "-o", "json");

        Assert.Equal([3, 3], [run.ExitCode, json.ExitCode]);
        Assert.Contains("is not reachable: Connection refused", run.Error, StringComparison.Ordinal);
        Assert.Contains("ORCHESTRATOR_SERVER", run.Error, StringComparison.Ordinal);
        Assert.Equal(3, (int?)JsonNode.Parse(json.Error)!["error"]!["exitCode"]);
    }

    [Fact]
    public async Task Server_DoesNotAnswerInTime_LeavesWithThree()
    {
        using var release = new ManualResetEventSlim();
        _server.On<GetHostRequest, GetHostResponse>(_ =>
        {
            release.Wait(Migctl.Bound);
            return new GetHostResponse();
        });

        var run = await Migctl.RunAsync(_server, "hosts", "get", "h1", "--timeout", "200ms");
        release.Set();

        Assert.Equal(3, run.ExitCode);
        Assert.Contains("did not answer within 0.2 s", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Interrupted_LeavesWith130()
    {
        using var interrupt = new CancellationTokenSource();
        using var release = new ManualResetEventSlim();
        _server.On<GetHostRequest, GetHostResponse>(_ =>
        {
            interrupt.Cancel();
            release.Wait(Migctl.Bound);
            return new GetHostResponse();
        });

        var run = await Migctl.RunAsync(["hosts", "get", "h1"], new Migctl.Setting { Server = _server.Address.OriginalString, Interrupt = interrupt.Token });
        release.Set();

        Assert.Equal(130, run.ExitCode);
    }

    [Fact]
    public async Task ServerOfAnotherKind_SaysSo()
    {
        var run = await Migctl.RunAsync(_server, "policies", "list");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("is it a control plane", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ControlCharactersOfTheServer_AreNotSentToTheTerminal()
    {
        _server.On<GetHostRequest, GetHostResponse>(_ => new GetHostResponse { Host = new Host { HostId = "h1", CordonReason = "\u001b[2J", Cordoned = true } });

        var run = await Migctl.RunAsync(_server, "hosts", "get", "h1");

        Assert.DoesNotContain("\u001b", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("migrate", "--max-downtime 400ms")]
    [InlineData("hosts register", "--label rack=r12")]
    [InlineData("policies apply", "policies apply -f mine.yaml")]
    [InlineData("migrations adjust", "--raise-limit 500ms")]
    public async Task Help_HasExamplesAndUsesStandardOutput(string command, string example)
    {
        var run = await Migctl.RunAsync(_server, [.. command.Split(' '), "--help"]);

        Assert.Equal(0, run.ExitCode);
        Assert.Empty(run.Error);
        Assert.Contains($"Usage:\n  migctl {command}", run.Out, StringComparison.Ordinal);
        Assert.Contains(example, run.Out[run.Out.IndexOf("Examples:", StringComparison.Ordinal)..], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Completion_GivesAScriptAndWords()
    {
        var script = await Migctl.RunAsync(_server, "completion", "bash");
        var words = await Migctl.RunAsync(_server, "[suggest:26]", "migctl list --phase needs-");

        Assert.Contains("complete -o default -F _migctl migctl", script.Out, StringComparison.Ordinal);
        Assert.Equal("needs-attention", words.Out.Trim());
    }
}
