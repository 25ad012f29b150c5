using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using Orchestrator.HostAgent.Host;
using Orchestrator.HostAgent.Migrations;
using Orchestrator.HostAgent.Reports;

namespace Orchestrator.HostAgent.Service;

/// <summary>
/// Serves observers: the present first, then what is new, in batches. Each reads the board at its own pace.
/// </summary>
internal sealed class Observers
{
    private readonly ReportBoard _board = new();
    private readonly GuestRegistry _guests;
    private readonly SessionRegistry _sessions;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly TimeProvider _clock;
    private readonly ObserveResponse _heartbeat;

    public Observers(
        GuestRegistry guests, SessionRegistry sessions, AgentInstance instance, IHostApplicationLifetime lifetime, TimeProvider clock)
    {
        _guests = guests;
        _sessions = sessions;
        _lifetime = lifetime;
        _clock = clock;
        _heartbeat = new ObserveResponse { HostId = instance.HostId, AgentInstanceId = instance.InstanceId };
        guests.Changed += _board.NoteGuests;
        sessions.Reported += _board.Pin;
    }

    /// <summary>Until the observer goes or the agent stops.</summary>
    /// <param name="replicaId">Only reports of migrations that it commanded last, and of those that nobody has; empty = all.</param>
    public async Task ServeAsync(
        TimeSpan interval, string replicaId, IServerStreamWriter<ObserveResponse> observer, CancellationToken cancellation)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _lifetime.ApplicationStopping);
        var version = _board.Version;
        var guestsVersion = -1L;
        var first = true;
        while (true)
        {
            var urgent = _board.NextUrgent;
            var message = _heartbeat.Clone();
            if (first)
            {
                // Polling pins a report per session, so reading after the version above finds them all, and whatever came since.
                _ = _sessions.PollUnacknowledged();
                first = false;
            }

            (var reports, version) = _board.ReadAfter(version, replicaId);
            message.Reports.AddRange(reports);
            if (guestsVersion != _board.GuestsVersion)
            {
                guestsVersion = _board.GuestsVersion;
                message.HasGuests = true;
                message.Guests.AddRange(_guests.All.Select(guest => guest.Describe()));
            }

            await observer.WriteAsync(message, ending.Token);
            await WaitAsync(urgent, interval, ending.Token);
        }
    }

    private async Task WaitAsync(Task urgent, TimeSpan interval, CancellationToken cancellation)
    {
        try
        {
            await urgent.WaitAsync(interval, _clock, cancellation);
        }
        catch (TimeoutException)
        {
        }
    }
}
