using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Lifecycle;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>Words commands for the agents.</summary>
internal static class AgentCommands
{
    /// <param name="listenUri">Where the target listens; empty before it does.</param>
    /// <param name="targetEndpoint">Of the target's agent; empty when it is not known.</param>
    public static ExecuteRequest Word(
        AgentCommandKind kind, Migration migration, ConvergenceTerms terms, string listenUri, string targetEndpoint)
    {
        var request = new ExecuteRequest { MigrationId = migration.MigrationId.ToString() };
        switch (kind)
        {
            case AgentCommandKind.PrepareTarget:
                request.PrepareTarget = new PrepareTarget
                {
                    GuestId = migration.GuestId,
                    Spec = migration.Spec,
                    Terms = Transfer(migration, terms),
                    RunAfter = migration.GuestWasRunning,
                };
                break;
            case AgentCommandKind.StartSource:
                request.StartSource = Start(migration, terms, listenUri, targetEndpoint);
                break;
            case AgentCommandKind.AdjustSource:
                throw new ArgumentException("An adjustment says what to adjust.", nameof(kind));
            case AgentCommandKind.PauseSource:
                request.PauseSource = new PauseSource();
                break;
            case AgentCommandKind.ResumeSource:
                request.ResumeSource = new ResumeSource();
                break;
            case AgentCommandKind.StartPostCopy:
                request.StartPostCopy = new StartPostCopy();
                break;
            case AgentCommandKind.RecoverTarget:
                request.RecoverTarget = new RecoverTarget();
                break;
            case AgentCommandKind.RecoverSource:
                request.RecoverSource = new RecoverSource { TargetUri = listenUri };
                break;
            case AgentCommandKind.CancelSource:
                request.CancelSource = new CancelSource();
                break;
            case AgentCommandKind.HandOverTarget:
                request.HandOverTarget = new HandOverTarget();
                break;
            case AgentCommandKind.FinishSource:
                request.FinishSource = new FinishSource();
                break;
            case AgentCommandKind.FinishTarget:
                request.FinishTarget = new FinishTarget();
                break;
            case AgentCommandKind.AbandonTarget:
                request.AbandonTarget = new AbandonTarget();
                break;
            case AgentCommandKind.AbandonSource:
                request.AbandonSource = new AbandonSource();
                break;
        }

        return request;
    }

    public static ExecuteRequest Adjust(Migration migration, AdjustSource adjustment) =>
        new() { MigrationId = migration.MigrationId.ToString(), AdjustSource = adjustment };

    /// <summary>Whether post-copy can be reached at all: decided once, before the stream begins, since both sides must agree on it.</summary>
    public static bool PostCopyPossible(MachineSpec spec, MigrationMode mode, ConvergenceDocument document) =>
        spec.VfioDevices.Count == 0 && mode is MigrationMode.Live && document.Steps.Any(step => step.Action is LadderAction.PostCopy);

    public static bool ThrottlePossible(ConvergenceDocument document) =>
        document.Steps.Any(step => step.Action is LadderAction.Throttle);

    private static TransferTerms Transfer(Migration migration, ConvergenceTerms terms) => new()
    {
        PostCopyPossible = terms.PostCopyPossible,
        ThrottlePossible = terms.ThrottlePossible,

        // The devices say when enough of their state is over; a guest without any has nobody to wait for.
        SwitchoverAck = migration.Spec.VfioDevices.Count > 0,
        FreePageHint = terms.Document.FreePageHint,
    };

    private static StartSource Start(Migration migration, ConvergenceTerms terms, string listenUri, string targetEndpoint) => new()
    {
        GuestId = migration.GuestId,
        TargetUri = listenUri,
        Terms = Transfer(migration, terms),
        DowntimeLimit = ConvergenceState.Start(terms).Limit.ToDuration(),
        MaxBytesPerSecond = (ulong)migration.RateCap,
        SwitchoverBytesPerSecond = (ulong)(terms.Document.Bandwidth.SwitchOver?.BytesPerSecond ?? 0),
        PostCopyBytesPerSecond = (ulong)(terms.Document.Steps.Select(step => step.Action).OfType<LadderAction.PostCopy>()
            .FirstOrDefault()?.MaxRate.BytesPerSecond ?? 0),
        NonLive = migration.Mode is MigrationMode.NonLive,
        TargetAgentEndpoint = targetEndpoint,
    };
}
