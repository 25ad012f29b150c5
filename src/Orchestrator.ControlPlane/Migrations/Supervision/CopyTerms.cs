using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Lifecycle;
using Orchestrator.PolicyMessages;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>What one copy is run under, from what the ledger has of its migration.</summary>
internal static class CopyTerms
{
    /// <param name="conditions">As they are; once the copy has begun those that it began under hold.</param>
    public static ConvergenceTerms Of(Migration migration, ConvergenceDocument document, CommandBook book, CopyConditions conditions)
    {
        // Both sides agreed on it before the stream began; another document cannot change it any more.
        var agreed = book.Latest(AgentCommandKind.PrepareTarget)?.Request.PrepareTarget.Terms;
        var held = book.Latest(AgentCommandKind.StartSource) is { } start ? ConditionsMessage.Read(start.Request.StartSource.Unattended) : conditions;
        return new ConvergenceTerms
        {
            Document = document,
            Budget = migration.MaxDowntime,
            Deadline = migration.Deadline is { } deadline ? Remaining(migration, deadline) : null,
            GuestMemory = new DataSize((long)Math.Min(migration.Spec.MemoryBytes, long.MaxValue)),
            PostCopyPossible = agreed?.PostCopyPossible ?? AgentCommands.PostCopyPossible(migration.Spec, migration.Mode, document),
            ThrottlePossible = agreed?.ThrottlePossible ?? AgentCommands.ThrottlePossible(document),
            Overhead = held.Overhead,
            LineRate = held.LineRate,
        };
    }

    /// <summary>The caller's deadline counts from the request, the policy's time from the engine's start. In microseconds, as the ledger.</summary>
    private static TimeSpan Remaining(Migration migration, TimeSpan deadline)
    {
        var before = migration.Phase is MigrationPhase.Copying ? Microseconds(migration.PhaseSince) - Microseconds(migration.CreatedAt) : TimeSpan.Zero;
        return deadline > before ? deadline - before : TimeSpan.Zero;
    }

    private static DateTimeOffset Microseconds(DateTimeOffset time) => time.AddTicks(-(time.Ticks % TimeSpan.TicksPerMicrosecond));
}
