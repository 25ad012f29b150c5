using Grpc.Core;
using Orchestrator.Agent.V1;

namespace Orchestrator.Bench.Agents;

/// <summary>One observer of one host. Everything but the wait is used under the host's lock.</summary>
/// <param name="replicaId">See ObserveRequest.replica_id in agent.proto; empty = hears of everything.</param>
internal sealed class ReportStream(
    string replicaId, ReportBell bell, IServerStreamWriter<ObserveResponse> observer, CancellationToken cancellation)
{
    private readonly List<MigrationReport> _urgent = [];

    /// <summary>The next message has the whole list of guests.</summary>
    public bool GuestsDue { get; set; } = true;

    public bool Hears(ScriptedSession session) =>
        replicaId.Length == 0 || session.Commander.Length == 0 || session.Commander == replicaId;

    public void Hurry(MigrationReport report)
    {
        _urgent.Add(report);
        bell.Ring();
    }

    public void Ring() => bell.Ring();

    public Task<bool> WaitAsync() => bell.WaitAsync(cancellation);

    public Task WriteAsync(ObserveResponse message) => observer.WriteAsync(message, cancellation);

    /// <param name="sessions">All of the host, when a beat is due; else none.</param>
    public ObserveResponse Collect(ObserveResponse message, IEnumerable<ScriptedSession> sessions, IEnumerable<AgentGuest> guests)
    {
        message.Reports.AddRange(_urgent);
        _urgent.Clear();
        message.Reports.AddRange(sessions.Where(session => session.IsReported && Hears(session)).Select(session => session.Report()));
        if (GuestsDue)
        {
            GuestsDue = false;
            message.HasGuests = true;
            message.Guests.AddRange(guests.Select(guest => guest.Clone()));
        }

        return message;
    }
}
