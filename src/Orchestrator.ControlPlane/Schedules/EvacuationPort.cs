using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>What schedules ask of evacuations. As it stands here there are none, and each that falls due is refused.</summary>
internal sealed record EvacuationPort
{
    /// <summary>Reads a spec; paths are proto names after the prefix and a dot.</summary>
    public Action<EvacuationSpec, Violations, string> Check { get; init; } = (_, _, _) => { };

    /// <summary>Id, spec, and who asks. The same id again is the same evacuation.</summary>
    public Func<Guid, EvacuationSpec, string, CancellationToken, Task<WorkAnswer>> StartAsync { get; init; } =
        (_, _, _, _) => Task.FromResult(WorkAnswer.Refused("Evacuations are not available yet."));

    /// <summary>Whether it is there and has not ended.</summary>
    public Func<Guid, CancellationToken, Task<bool>> GoesOnAsync { get; init; } = (_, _) => Task.FromResult(false);

    /// <summary>Repeatable; nothing when it has ended. Why, for the record.</summary>
    public Func<Guid, string, CancellationToken, Task> PauseAsync { get; init; } = (_, _, _) => Task.CompletedTask;

    /// <summary>Repeatable; nothing when it has ended.</summary>
    public Func<Guid, CancellationToken, Task> ResumeAsync { get; init; } = (_, _) => Task.CompletedTask;
}

/// <summary>What became of work that was to begin.</summary>
internal sealed record WorkAnswer(FiringOutcome Outcome, string Message)
{
    public Guid? EvacuationId { get; init; }

    public Guid? MigrationId { get; init; }

    public static WorkAnswer Refused(string why) => new(FiringOutcome.Refused, why);
}
