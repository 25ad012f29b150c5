using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Migrations.Calibration;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Migrations.Watching;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.ControlPlane.Replicas;
using Orchestrator.Policy.Lifecycle;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>What one supervisor is given: a migration that was adopted for it, with its policy, its commands and its mail.</summary>
/// <param name="AgentDecisions">How many decisions of the source's agent its record has.</param>
internal sealed record MigrationCharge(
    Migration Migration, PolicyInForce Policy, IEnumerable<StoredCommand> Commands, MigrationMailbox Mailbox, int AgentDecisions)
{
    /// <summary>Somebody else commanded it before, or this process under a lower epoch: the agents are to be told.</summary>
    public bool TakenOver { get; init; }

    /// <summary>Of its hosts, link and devices as they are; a copy that has begun goes on with those that it began under.</summary>
    public KnownConditions Known { get; init; } = KnownConditions.Usual;

    /// <summary>Under which it was taken up: when that is over, another may have taken it, whatever this process holds since.</summary>
    public Tenure? Tenure { get; init; }
}

/// <summary>What all supervisors reach the world by.</summary>
internal sealed record SupervisionEdges
{
    public required ProgressStore Store { get; init; }

    public required MigrationHistory History { get; init; }

    public required ReadingWriter Readings { get; init; }

    public required MigrationFeed Feed { get; init; }

    public required ConditionsReader Conditions { get; init; }

    public required IAgentCalls Agents { get; init; }

    public required SupervisionBeat Beat { get; init; }

    public required ReplicaLease Lease { get; init; }

    public required FaultPoint Faults { get; init; }

    public required ILogger<MigrationSupervisor> Logger { get; init; }
}

/// <summary>The clock and the settings that all supervisors share.</summary>
internal sealed record SupervisionBeat(TimeProvider Clock, MigrationOptions Options);

/// <summary>Where a test of crashes kills the process. Does nothing unless <see cref="FaultOptions"/> say so.</summary>
internal sealed class FaultPoint(IOptions<FaultOptions> options)
{
    private readonly AgentCommandKind? _exitAfter =
        options.Value is { Enabled: true, ExitAfterIntention: { Length: > 0 } kind } ? Enum.Parse<AgentCommandKind>(kind) : null;

    /// <summary>The intention is in the database and nobody was told yet.</summary>
    public void AfterIntention(AgentCommandKind kind)
    {
        if (kind == _exitAfter)
        {
            // SIGKILL: no handler, no flush, nothing that a real crash would not do either.
            using var self = System.Diagnostics.Process.GetCurrentProcess();
            self.Kill();
        }
    }
}
