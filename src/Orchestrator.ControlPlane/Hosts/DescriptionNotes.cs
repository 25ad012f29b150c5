using System.Collections.Concurrent;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>What this replica last wrote down of each host, so that it writes at once what matters and seldom what always changes.</summary>
internal sealed class DescriptionNotes
{
    private readonly ConcurrentDictionary<string, HostDescription> _noted = new(StringComparer.Ordinal);

    /// <returns>True when it differs in more than the figures that are another at every moment, or this is the first.</returns>
    public bool IsNews(HostDescription description) =>
        !_noted.TryGetValue(description.HostId, out var before) || !before.Equals(Lasting(description));

    public void Note(HostDescription description) => _noted[description.HostId] = Lasting(description);

    public void Forget(string hostId) => _noted.TryRemove(hostId, out _);

    private static HostDescription Lasting(HostDescription description)
    {
        var lasting = description.Clone();
        lasting.MemoryAvailableBytes = 0;
        lasting.Uptime = null;
        foreach (var node in lasting.NumaNodes)
        {
            node.MemoryFreeBytes = 0;
        }

        return lasting;
    }
}
