using Grpc.Core;
using Orchestrator.ControlPlane.Evacuations.Ledger;
using Orchestrator.ControlPlane.Hosts;
using Orchestrator.ControlPlane.Queue;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Evacuations.Admission;

/// <summary>Which hosts a spec means, and whether they can be emptied now.</summary>
internal sealed class EvacuationHosts(HostStore hosts, EvacuationStore evacuations, LimitsStore limits)
{
    private const int Page = 1000;

    /// <returns>In the order of their turns: as named, or by id.</returns>
    /// <exception cref="RpcException">HOST_UNKNOWN, NO_HOST_MATCHES, ALREADY_EVACUATING, WHOLE_FLEET.</exception>
    public async Task<IReadOnlyList<string>> ResolveAsync(EvacuationSpec spec, CancellationToken cancellation)
    {
        var fleet = await ListAsync(cancellation);
        var known = fleet.Select(host => host.HostId).ToHashSet(StringComparer.Ordinal);
        var unknown = spec.HostIds.Concat(spec.Overrides.Select(wish => wish.TargetHostId))
            .Where(hostId => hostId.Length > 0 && !known.Contains(hostId)).Distinct(StringComparer.Ordinal).ToList();
        if (unknown.Count > 0)
        {
            throw EvacuationErrors.HostUnknown(unknown);
        }

        IReadOnlyList<string> meant = spec.HostIds.Count > 0
            ? [.. spec.HostIds]
            : [.. fleet.Where(host => HasAll(host, spec.HostLabels)).Select(host => host.HostId)];
        if (meant.Count == 0)
        {
            throw EvacuationErrors.NoHostMatches(spec.HostLabels);
        }

        await RefuseBusyAsync(meant, cancellation);
        var others = fleet.ExceptBy(meant, host => host.HostId, StringComparer.Ordinal).ToList();
        var atOnce = spec.MaxHostsOut == 0 || spec.MaxHostsOut >= meant.Count;
        return atOnce && others.All(host => host.Cordoned || host.Liveness.IsDead)
            ? throw EvacuationErrors.WholeFleet(meant.Count, others.Count)
            : meant;
    }

    /// <exception cref="RpcException">ALREADY_EVACUATING.</exception>
    public async Task RefuseBusyAsync(IReadOnlyList<string> hostIds, CancellationToken cancellation)
    {
        foreach (var (hostId, evacuationId) in await evacuations.ListRunningOfAsync(hostIds, cancellation))
        {
            throw EvacuationErrors.AlreadyEvacuating(hostId, evacuationId);
        }
    }

    public async Task CheckClassAsync(string priorityClass, Violations violations, CancellationToken cancellation)
    {
        var known = (await limits.ReadAsync(cancellation)).Limits.Classes.Select(known => known.Name).ToList();
        if (!known.Contains(priorityClass, StringComparer.Ordinal))
        {
            violations.Add(
                "spec.priority_class", $"must be a class that the limits have, which {priorityClass} is not; there are {string.Join(", ", known)}");
        }
    }

    private static bool HasAll(RegisteredHost host, IDictionary<string, string> labels) =>
        labels.All(label => host.Labels.TryGetValue(label.Key, out var value) && value == label.Value);

    private async Task<List<RegisteredHost>> ListAsync(CancellationToken cancellation)
    {
        List<RegisteredHost> all = [];
        while (true)
        {
            var page = await hosts.ListAsync(all.Count == 0 ? "" : all[^1].HostId, Page, cancellation);
            all.AddRange(page);
            if (page.Count < Page)
            {
                return all;
            }
        }
    }
}
