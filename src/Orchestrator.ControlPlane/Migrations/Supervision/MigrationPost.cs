using System.Collections.Concurrent;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Hosts;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>Brings what hosts report to the mailboxes of the migrations concerned. Called from the loops that read the hosts' streams.</summary>
internal sealed class MigrationPost : IAgentReportListener
{
    private readonly ConcurrentDictionary<string, MigrationMailbox> _boxes = new(StringComparer.Ordinal);

    public MigrationMailbox Open(Migration migration) =>
        _boxes[Address(migration.MigrationId)] = new MigrationMailbox(migration.SourceHostId, migration.TargetHostId);

    public void Close(Guid migrationId) => _boxes.TryRemove(Address(migrationId), out _);

    public void OnReports(string hostId, IReadOnlyList<MigrationReport> reports, long arrivedAt)
    {
        foreach (var report in reports)
        {
            // Most often of a migration that ended and whose agent was not told yet.
            if (_boxes.TryGetValue(report.MigrationId, out var box))
            {
                box.Offer(hostId, report, arrivedAt);
            }
        }
    }

    public void OnHostConnected(string hostId, string agentInstanceId) => Tell(hostId, agentInstanceId);

    public void OnHostLost(string hostId) => Tell(hostId, null);

    private static string Address(Guid migrationId) => migrationId.ToString();

    private void Tell(string hostId, string? agentInstanceId)
    {
        foreach (var box in _boxes.Values)
        {
            box.Sight(hostId, agentInstanceId);
        }
    }
}
