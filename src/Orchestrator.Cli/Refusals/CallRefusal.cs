using System.Globalization;
using Google.Rpc;
using Grpc.Core;
using Orchestrator.Cli.Invocation;
using Orchestrator.Rpc.Errors;
using Orchestrator.Specs;

namespace Orchestrator.Cli.Refusals;

/// <summary>Turns a failed call into a complaint.</summary>
internal static class CallRefusal
{
    public const string ShuttingDown = "SHUTTING_DOWN";

    /// <param name="server">Where the call went, for the message.</param>
    /// <param name="timeout">How long the call was allowed to take.</param>
    public static Complaint Read(RpcException failure, Uri server, TimeSpan timeout)
    {
        var info = Refusal.FindDetail<ErrorInfo>(failure);
        if (IsUnreachable(failure, info))
        {
            return new Complaint(ExitCode.Unreachable, Unreachable(failure, info, server, timeout))
            {
                Status = StatusName(failure.StatusCode),
                Reason = info?.Reason,
                RetryAfter = RetryDelay(failure),
                Next = info is null
                    ? $"see that the control plane runs there; --server or {GlobalOptions.ServerVariable} name another one"
                    : Advice.For(info.Reason, info.Metadata),
            };
        }

        var violations = Refusal.FindDetail<BadRequest>(failure)?.FieldViolations ?? [];
        return new Complaint(ExitCode.Refused, violations.Count > 0 ? Headline(violations.Count) : Message(failure))
        {
            Status = StatusName(failure.StatusCode),
            Reason = info?.Reason,
            Facts = info is null ? [] : [.. info.Metadata.OrderBy(fact => fact.Key, StringComparer.Ordinal)],
            Faults = [.. violations.Select(violation => new FieldFault(violation.Field, violation.Description))],
            RetryAfter = RetryDelay(failure),
            Next = info is null ? NextFor(failure.StatusCode) : Advice.For(info.Reason, info.Metadata),
        };
    }

    /// <summary>True when a connection that was there is gone, so that calling again can help.</summary>
    public static bool IsLostConnection(RpcException failure) =>
        failure.StatusCode == StatusCode.Unavailable || failure.Status.DebugException is HttpRequestException or IOException;

    /// <summary>The request may have arrived although the answer did not. Repeating it under the same id is safe.</summary>
    public static bool IsUnanswered(RpcException failure, Complaint complaint) =>
        complaint.Exit == ExitCode.Unreachable
        && failure.Status.DebugException is not HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError };

    /// <summary>What the server asks for; null when it says nothing.</summary>
    public static TimeSpan? RetryDelay(RpcException failure) => Refusal.FindDetail<RetryInfo>(failure)?.RetryDelay?.ToTimeSpan();

    public static bool HasReason(RpcException failure, string reason) => Refusal.FindDetail<ErrorInfo>(failure)?.Reason == reason;

    // UNAVAILABLE with a reason of its own is an answer: the server is there, a host's agent is not.
    private static bool IsUnreachable(RpcException failure, ErrorInfo? info) =>
        (failure.StatusCode == StatusCode.DeadlineExceeded || IsLostConnection(failure)) && info is null or { Reason: ShuttingDown };

    private static string Unreachable(RpcException failure, ErrorInfo? info, Uri server, TimeSpan timeout) =>
        info is not null ? $"{server.OriginalString} is shutting down: {Message(failure)}"
        : failure.StatusCode == StatusCode.DeadlineExceeded
            ? string.Create(CultureInfo.InvariantCulture, $"{server.OriginalString} did not answer within {timeout.TotalSeconds:0.###} s.")
        : $"{server.OriginalString} is not reachable: {Cause(failure)}";

    private static string Cause(RpcException failure) => failure.Status.DebugException?.GetBaseException().Message ?? Message(failure);

    private static string Message(RpcException failure) =>
        failure.Status.Detail.Length > 0 ? failure.Status.Detail : $"The server answered {StatusName(failure.StatusCode)} without a word.";

    private static string Headline(int count) =>
        count == 1 ? "The request has a field that is not acceptable." : $"The request has {count} fields that are not acceptable.";

    private static string? NextFor(StatusCode code) => code switch
    {
        StatusCode.Unimplemented => "the server does not know this call: is it a control plane, and of the same version?",
        StatusCode.Unauthenticated or StatusCode.PermissionDenied => "ask for the right to do this, or call as somebody who has it",
        StatusCode.Internal or StatusCode.Unknown => "the server's log has the cause",
        _ => null,
    };

    /// <summary>"FAILED_PRECONDITION" for FailedPrecondition.</summary>
    private static string StatusName(StatusCode code) =>
        string.Concat(code.ToString().Select(
            (letter, at) => at > 0 && char.IsUpper(letter) ? "_" + letter : char.ToUpperInvariant(letter).ToString()));
}
