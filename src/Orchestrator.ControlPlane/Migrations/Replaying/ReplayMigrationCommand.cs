using System.Diagnostics.CodeAnalysis;
using Orchestrator.Policy.Convergence;
using Orchestrator.PolicyMessages;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Replaying;

/// <summary>A request for a replay that has been found sound. There is no other way to make one.</summary>
internal sealed record ReplayMigrationCommand
{
    private static readonly TimeSpan s_shortestDowntime = TimeSpan.FromMilliseconds(1);

    // QEMU's own bound of downtime-limit (qapi/migration.json).
    private static readonly TimeSpan s_longestDowntime = TimeSpan.FromSeconds(2000);
    private static readonly TimeSpan s_shortestDeadline = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestDeadline = TimeSpan.FromDays(7);

    private ReplayMigrationCommand()
    {
    }

    public required Guid MigrationId { get; init; }

    /// <summary>Empty = the one that it ran under, unless there is a document.</summary>
    public required string Policy { get; init; }

    /// <summary>0 = the newest; of the policy that it ran under, the one that it ran under.</summary>
    public required int Revision { get; init; }

    /// <summary>Instead of a stored one.</summary>
    public required ConvergenceDocument? Document { get; init; }

    /// <summary>Null = as promised.</summary>
    public required TimeSpan? MaxDowntime { get; init; }

    /// <summary>Null = as asked for.</summary>
    public required TimeSpan? Deadline { get; init; }

    public static bool TryParse(
        ReplayMigrationRequest request, [NotNullWhen(true)] out ReplayMigrationCommand? command, out Violations violations)
    {
        violations = new Violations();
        var parsed = new ReplayMigrationCommand
        {
            MigrationId = violations.Uuid("migration_id", request.MigrationId),
            Policy = request.Policy.Length > 0 ? violations.Name("policy", request.Policy) : "",
            Revision = (int)violations.Range("revision", request.Revision, 0, int.MaxValue),
            Document = ReadDocument(request, violations),
            MaxDowntime = violations.Duration("max_downtime", request.MaxDowntime, s_shortestDowntime, s_longestDowntime),
            Deadline = violations.Duration("deadline", request.Deadline, s_shortestDeadline, s_longestDeadline),
        };
        command = violations.Any ? null : parsed;
        return command is not null;
    }

    private static ConvergenceDocument? ReadDocument(ReplayMigrationRequest request, Violations violations)
    {
        if (request.Document is null)
        {
            return null;
        }

        if (request.Policy.Length > 0 || request.Revision > 0)
        {
            violations.Add("document", "stands instead of a stored policy: give either it, or policy and revision");
        }

        var document = PolicyDocumentParser.Parse(request.Document, out var inDocument);
        foreach (var found in inDocument.Found)
        {
            violations.Add($"document.{found.Field}", found.Description);
        }

        return document;
    }
}
