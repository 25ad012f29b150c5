using Grpc.Core;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Policies;

public sealed class PolicyCommandTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;

    /// <summary>What the server has under "mine"; null = nothing.</summary>
    private Policy? _stored;

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _server.On<GetPolicyRequest, GetPolicyResponse>(request => _stored is { } policy
            ? new GetPolicyResponse { Policy = policy }
            : throw ScriptedServer.Refuse(StatusCode.NotFound, "POLICY_UNKNOWN", $"No policy \"{request.Name}\"."));
        _server.On<CreatePolicyRequest, CreatePolicyResponse>(request => new CreatePolicyResponse
        {
            Policy = new Policy { Name = request.Name, Revision = 1, Document = request.Document },
        });
        _server.On<UpdatePolicyRequest, UpdatePolicyResponse>(request => new UpdatePolicyResponse
        {
            Policy = new Policy { Name = request.Name, Revision = request.ExpectedRevision + 1, Document = request.Document },
        });
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Apply_UnknownName_Creates()
    {
        var run = await ApplyAsync(await PrintedAsync(Sample.Policy()));

        Assert.Equal("Policy mine is created: revision 1.\n", run.Out);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(Sample.Document(), Assert.Single(_server.Seen<CreatePolicyRequest>()).Document);
    }

    [Fact]
    public async Task Apply_SameDocument_ChangesNothingAndSaysSo()
    {
        var printed = await PrintedAsync(Sample.Policy(4));
        _stored = Sample.Policy(4);

        var run = await ApplyAsync(printed);
        var json = await ApplyAsync(printed, "-o", "json");

        Assert.Equal("Policy mine is unchanged: revision 4.\n", run.Out);
        Assert.Equal(_stored, json.Json<UpdatePolicyResponse>().Policy);
        Assert.Empty(_server.Seen<CreatePolicyRequest>());
        Assert.Empty(_server.Seen<UpdatePolicyRequest>());
    }

    [Fact]
    public async Task Apply_OtherDocument_IsANewRevisionOnTopOfTheOneThatWasRead()
    {
        var printed = await PrintedAsync(Sample.Policy(4));
        _stored = Sample.Policy(4);

        var run = await ApplyAsync(printed.Replace("400ms", "500ms", StringComparison.Ordinal));

        Assert.Equal("Policy mine has a new revision: 5 (was 4).\n", run.Out);
        var update = Assert.Single(_server.Seen<UpdatePolicyRequest>());
        Assert.Equal(4u, update.ExpectedRevision);
        Assert.Equal(Sample.Ms(500), update.Document.MaxDowntime);
    }

    [Fact]
    public async Task Apply_DeletedPolicy_CreatesItAgainEvenWithTheSameDocument()
    {
        _stored = Sample.Policy(4);
        var printed = await PrintedAsync(_stored);
        _stored.Deleted = true;

        var run = await ApplyAsync(printed);

        Assert.Equal("Policy mine is created again: revision 1.\n", run.Out);
        Assert.Empty(_server.Seen<UpdatePolicyRequest>());
    }

    [Fact]
    public async Task Apply_SomebodyWasFaster_IsRefusedWithAdvice()
    {
        _stored = Sample.Policy(4);
        _server.On<UpdatePolicyRequest, UpdatePolicyResponse>(_ => throw ScriptedServer.Refuse(StatusCode.Aborted, "REVISION_STALE", "Revision 5 is there."));

        var run = await ApplyAsync("{\"name\": \"mine\", \"document\": {\"description\": \"other\"}}");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("reason: REVISION_STALE", run.Error, StringComparison.Ordinal);
        Assert.Contains("migctl policies get NAME", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_NameAndDocumentNotAcceptable_TellsAllAtOnce()
    {
        var violations = new Violations();
        violations.Add("name", "must be 1 to 63 characters");
        violations.Add("document.steps", "is empty");
        _server.On<GetPolicyRequest, GetPolicyResponse>(_ => throw new RpcException(new Status(StatusCode.InvalidArgument, "name")));
        _server.On<CreatePolicyRequest, CreatePolicyResponse>(_ => throw Refusal.InvalidRequest(violations));

        var run = await ApplyAsync("name: MINE\ndocument: {}\n");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("  name: must be 1 to 63 characters\n  document.steps: is empty\n", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("name: mine\n", "document: is missing")]
    [InlineData("name: mine\ndokument: {}\n", "dokument: is not known; allowed: name, document (line 2)")]
    [InlineData("name: [\n", "is no YAML")]
    public async Task Apply_FaultyFile_IsAUsageError(string file, string why)
    {
        var run = await ApplyAsync(file);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(why, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Validate_NoViolations_IsValid()
    {
        _server.On<ValidatePolicyRequest, ValidatePolicyResponse>(_ => new ValidatePolicyResponse());

        var run = await RunAsync(await PrintedAsync(Sample.Policy()), "policies", "validate", "-f", "-");

        Assert.Equal((0, "Policy mine is valid.\n"), (run.ExitCode, run.Out));
        Assert.Equal(Sample.Document(), Assert.Single(_server.Seen<ValidatePolicyRequest>()).Document);
    }

    [Fact]
    public async Task Validate_Violations_PrintsAllAndLeavesWithOne()
    {
        var answer = new ValidatePolicyResponse
        {
            Violations =
            {
                new PolicyViolation { Field = "steps[1].pause.max_pause", Description = "is missing; 1 ms to 1 h" },
                new PolicyViolation { Field = "pacing", Description = "is required by steps[0]" },
            },
        };
        _server.On<ValidatePolicyRequest, ValidatePolicyResponse>(_ => answer);
        var file = await PrintedAsync(Sample.Policy());

        var run = await RunAsync(file, "policies", "validate", "-f", "-");
        var json = await RunAsync(file, "policies", "validate", "-f", "-", "-o", "json");

        Assert.Equal(1, run.ExitCode);
        Assert.Equal(
            """
            Policy mine has 2 faults:
              document.steps[1].pause.max_pause: is missing; 1 ms to 1 h
              document.pacing: is required by steps[0]

            """,
            run.Out);
        Assert.Equal(1, json.ExitCode);
        Assert.Equal(answer, json.Json<ValidatePolicyResponse>());
    }

    [Fact]
    public async Task Validate_FileThatCannotBeUnderstood_PrintsAllAndLeavesWithOne()
    {
        var run = await RunAsync("name: mine\ndocument: {max_downtime: 3, steps: 4}\n", "policies", "validate", "-f", "-");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("  document.max_downtime: \"3\" is no duration", run.Error, StringComparison.Ordinal);
        Assert.Contains("  document.steps: must be a list (line 2)", run.Error, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync("", "policies", "validate", "-f", "/no/such/file")).ExitCode);
    }

    [Fact]
    public async Task ListAndRevisions_AreTablesAndParseBack()
    {
        var preset = Sample.Policy(1);
        preset.Name = "predictive";
        preset.Preset = true;
        preset.Document.Description = string.Concat(Enumerable.Repeat("eight at ", 20));
        _server.On<ListPoliciesRequest, ListPoliciesResponse>(_ => new ListPoliciesResponse { Policies = { Sample.Policy(2), preset } });
        _server.On<ListPolicyRevisionsRequest, ListPolicyRevisionsResponse>(_ => new ListPolicyRevisionsResponse
        {
            Revisions = { Sample.Policy(2), Sample.Policy(1) },
        });

        var list = await Migctl.RunAsync(_server, "policies", "list", "--deleted");
        var json = await Migctl.RunAsync(_server, "policies", "list", "-o", "json");
        var revisions = await Migctl.RunAsync(_server, "policies", "revisions", "mine", "-o", "json");

        Assert.Equal(
            """
            POLICY      REVISION  KIND    MAX DOWNTIME  STEPS                  CREATED               DESCRIPTION
            mine        2         own     400 ms        raise downtime, abort  2026-08-01 12:03:00Z  Climb, then give up.
            predictive  1         preset  400 ms        raise downtime, abort  2026-08-01 12:03:00Z  eight at eight at eight at eight at eight at eight at eight ...

            """,
            list.Out);
        Assert.Equal([true, false], _server.Seen<ListPoliciesRequest>().Select(request => request.IncludeDeleted));
        Assert.Equal([Sample.Policy(2), preset], json.Json<ListPoliciesResponse>().Policies);
        Assert.Equal([2u, 1u], revisions.Json<ListPolicyRevisionsResponse>().Revisions.Select(revision => revision.Revision));
    }

    [Fact]
    public async Task GetAndDelete_AskAndAnswer()
    {
        _stored = Sample.Policy(3);
        _server.On<DeletePolicyRequest, DeletePolicyResponse>(_ => new DeletePolicyResponse());

        var get = await Migctl.RunAsync(_server, "policies", "get", "mine", "--revision", "3");
        var json = await Migctl.RunAsync(_server, "policies", "get", "mine", "-o", "json");
        var delete = await Migctl.RunAsync(_server, "policies", "delete", "mine");

        Assert.StartsWith("# revision 3, written 2026-08-01 12:03:00Z\nname: mine\ndocument:\n", get.Out, StringComparison.Ordinal);
        Assert.Equal([3u, 0u], _server.Seen<GetPolicyRequest>().Select(request => request.Revision));
        Assert.Equal(_stored, json.Json<GetPolicyResponse>().Policy);
        Assert.Equal("Policy mine is deleted. Migrations that follow it keep their revision.\n", delete.Out);
    }

    private Task<Migctl> ApplyAsync(string file, params string[] more) => RunAsync(file, ["policies", "apply", "-f", "-", .. more]);

    private Task<Migctl> RunAsync(string file, params string[] arguments) =>
        Migctl.RunAsync(arguments, new Migctl.Setting { Server = _server.Address.OriginalString, Input = file });

    /// <summary>The file that "policies get" prints for a policy.</summary>
    private async Task<string> PrintedAsync(Policy policy)
    {
        var before = _stored;
        _stored = policy;
        var run = await Migctl.RunAsync(_server, "policies", "get", policy.Name);
        _stored = before;
        return run.Out;
    }
}
