using System.Collections.Concurrent;
using System.Threading.Channels;
using Orchestrator.Agent.V1;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>The latest list of guests from each host, until somebody takes it. An older list of the same host is overwritten.</summary>
internal sealed class GuestObservations
{
    private readonly ConcurrentDictionary<string, IReadOnlyList<AgentGuest>> _latest = new(StringComparer.Ordinal);
    private readonly Channel<string> _changed = Channel.CreateUnbounded<string>();

    public void Put(string hostId, IReadOnlyList<AgentGuest> guests)
    {
        // One entry in the queue per host at most: a list that was not taken yet is replaced where it waits.
        var waits = false;
        _latest.AddOrUpdate(
            hostId,
            _ =>
            {
                waits = false;
                return guests;
            },
            (_, _) =>
            {
                waits = true;
                return guests;
            });
        if (!waits)
        {
            _changed.Writer.TryWrite(hostId);
        }
    }

    /// <summary>Waits for a host that has news.</summary>
    public async Task<(string HostId, IReadOnlyList<AgentGuest> Guests)> TakeAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var hostId = await _changed.Reader.ReadAsync(cancellation);
            if (_latest.TryRemove(hostId, out var guests))
            {
                return (hostId, guests);
            }
        }
    }
}
