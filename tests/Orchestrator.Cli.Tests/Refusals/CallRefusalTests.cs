using System.Text.Json.Nodes;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Refusals;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Refusals;

public class CallRefusalTests
{
    private static readonly Uri s_server = new("http://127.0.0.1:7443");

    [Fact]
    public void Plain_Refusal_TellsReasonFactsAndWhatToDo()
    {
        var refusal = ScriptedServer.Refuse(
            StatusCode.FailedPrecondition, "GUEST_ALREADY_MIGRATING", "Guest web-1 is migrating already.", ("active_migration_id", Sample.MigrationId));

        Assert.Equal(
            $"""
            migctl: Guest web-1 is migrating already.
              reason: GUEST_ALREADY_MIGRATING
              active_migration_id: {Sample.MigrationId}
              next: wait for the other migration (migctl watch {Sample.MigrationId}) or cancel it (migctl cancel {Sample.MigrationId})

            """,
            ComplaintText.Plain(Read(refusal)));
        Assert.Equal(ExitCode.Refused, Read(refusal).Exit);
    }

    [Fact]
    public void Plain_Violations_EachHasItsLine()
    {
        var violations = new Violations();
        violations.Add("max_downtime", "must be 1 ms to 2000 s, is 3600 s");
        violations.Add("guest_id", "is missing");

        Assert.Equal(
            """
            migctl: The request has 2 fields that are not acceptable.
              max_downtime: must be 1 ms to 2000 s, is 3600 s
              guest_id: is missing

            """,
            ComplaintText.Plain(Read(Refusal.InvalidRequest(violations))));
    }

    [Fact]
    public void Json_Refusal_IsOneDocumentWithEverything()
    {
        var violations = new Violations();
        violations.Add("max_downtime", "is \"bad\"");
        var error = JsonNode.Parse(ComplaintText.Json(Read(Refusal.InvalidRequest(violations))))!["error"]!;
        Assert.Equal("INVALID_ARGUMENT", (string?)error["status"]);
        Assert.Equal("max_downtime", (string?)error["fieldViolations"]![0]!["field"]);
        Assert.Equal("is \"bad\"", (string?)error["fieldViolations"]![0]!["description"]);
        Assert.Equal(1, (int?)error["exitCode"]);

        error = JsonNode.Parse(ComplaintText.Json(Read(ScriptedServer.Refuse(StatusCode.NotFound, "HOST_UNKNOWN", "No such host.", ("host_id", "h9")))))!["error"]!;
        Assert.Equal("NOT_FOUND", (string?)error["status"]);
        Assert.Equal("HOST_UNKNOWN", (string?)error["reason"]);
        Assert.Equal("No such host.", (string?)error["message"]);
        Assert.Equal("h9", (string?)error["metadata"]!["host_id"]);
        Assert.Contains("migctl hosts list", (string?)error["next"], StringComparison.Ordinal);
    }

    [Fact]
    public void Read_AgentUnreachable_IsARefusalOfAServerThatIsThere() => Assert.Equal(
        ExitCode.Refused, Read(ScriptedServer.Refuse(StatusCode.Unavailable, "AGENT_UNREACHABLE", "The agent does not answer.")).Exit);

    [Fact]
    public void Read_ServerGoesDown_IsUnreachableWithRetryDelay()
    {
        var complaint = Read(Refusal.RetryLater(
            StatusCode.Unavailable, "orchestrator.v1", "SHUTTING_DOWN", "The server is going down; call again.", TimeSpan.FromSeconds(2)));

        Assert.Equal(ExitCode.Unreachable, complaint.Exit);
        Assert.Equal(TimeSpan.FromSeconds(2), complaint.RetryAfter);
        Assert.Contains("  try again after: 2 s\n", ComplaintText.Plain(complaint), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(StatusCode.Unavailable, ExitCode.Unreachable, "UNAVAILABLE")]
    [InlineData(StatusCode.DeadlineExceeded, ExitCode.Unreachable, "DEADLINE_EXCEEDED")]
    [InlineData(StatusCode.Internal, ExitCode.Refused, "INTERNAL")]
    [InlineData(StatusCode.Unimplemented, ExitCode.Refused, "UNIMPLEMENTED")]
    [InlineData(StatusCode.PermissionDenied, ExitCode.Refused, "PERMISSION_DENIED")]
    public void Read_BareStatus_HasExitCodeAndName(StatusCode code, object exit, string name)
    {
        var complaint = Read(new RpcException(new Status(code, "")));
        Assert.Equal(exit, complaint.Exit);
        Assert.Equal(name, complaint.Status);
        Assert.NotEmpty(complaint.Message);
        Assert.NotNull(complaint.Next);
    }

    [Theory]
    [InlineData(typeof(HostError))]
    [InlineData(typeof(GuestError))]
    [InlineData(typeof(MigrationError))]
    [InlineData(typeof(AdmissionError))]
    [InlineData(typeof(PolicyError))]
    [InlineData(typeof(ScheduleError))]
    [InlineData(typeof(NoticeError))]
    [InlineData(typeof(EvacuationError))]
    public void Advice_EveryReasonOfTheContract_HasOne(Type errors)
    {
        FileDescriptor[] files =
        [
            HostsReflection.Descriptor, GuestsReflection.Descriptor, MigrationsReflection.Descriptor, PoliciesReflection.Descriptor,
            SchedulesReflection.Descriptor, NoticesReflection.Descriptor, AdmissionReflection.Descriptor, EvacuationsReflection.Descriptor,
        ];
        var type = files.SelectMany<FileDescriptor, EnumDescriptor>(file => file.EnumTypes).Single(type => type.ClrType == errors);
        var prefix = type.FindValueByNumber(0).Name[..^"UNSPECIFIED".Length];
        foreach (var reason in type.Values.Where(value => value.Number != 0).Select(value => value.Name[prefix.Length..]))
        {
            var advice = Advice.For(reason, []);
            Assert.True(advice is not null, reason);
            Assert.DoesNotContain("{", advice, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Advice_UnknownReason_HasNone() => Assert.Null(Advice.For("SOMETHING_NEW", []));

    private static Complaint Read(RpcException failure) => CallRefusal.Read(failure, s_server, TimeSpan.FromSeconds(30));
}
