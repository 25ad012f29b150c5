using Orchestrator.Cli.Invocation;
using Orchestrator.Specs;

namespace Orchestrator.Cli.Refusals;

/// <summary>Why a command did not do what it was asked: everything a person or a program is told about it.</summary>
internal sealed record Complaint(ExitCode Exit, string Message)
{
    /// <summary>The gRPC status in proto spelling, e.g. "NOT_FOUND"; null when the server was not asked.</summary>
    public string? Status { get; init; }

    /// <summary>Member of the API's error enum, e.g. "HOST_UNKNOWN".</summary>
    public string? Reason { get; init; }

    /// <summary>Ids, limits and states that belong to the reason.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Facts { get; init; } = [];

    public IReadOnlyList<FieldFault> Faults { get; init; } = [];

    public TimeSpan? RetryAfter { get; init; }

    /// <summary>What to do now.</summary>
    public string? Next { get; init; }

    public static Complaint Usage(string message, params IReadOnlyList<FieldFault> faults) =>
        new(ExitCode.Usage, message) { Faults = faults };
}
