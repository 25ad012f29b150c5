using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Admission;

/// <summary>Targets for those whose turn it is, on a draft of the fleet that has everything this pass has given away already.</summary>
internal sealed class TargetSearch
{
    /// <summary>Looks for a host to keep, in one pass; those that wait longest come first.</summary>
    private const int MostKeepSearches = 32;

    private readonly FleetLedger _draft;
    private readonly FleetHost[] _open;
    private readonly DataSize[] _free;
    private readonly HashSet<string> _known;
    private readonly HashSet<string> _closed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _beingLeft;
    private readonly int _mostClosed;
    private int _keepSearches;

    public TargetSearch(AdmissionSnapshot snapshot)
    {
        _draft = FleetLedger.Of(snapshot.Fleet);
        _open = [.. snapshot.Fleet.Hosts.Where(host => host is { Condition: HostCondition.Connected, Cordoned: false })];
        _free = [.. _open.Select(host => _draft.Load(host.HostId).MemoryFree)];
        _known = snapshot.Fleet.Hosts.Select(host => host.HostId).ToHashSet(StringComparer.Ordinal);
        _beingLeft = snapshot.Queue.Select(migration => migration.SourceHostId)
            .Concat(snapshot.Running.Select(migration => migration.SourceHostId)).ToHashSet(StringComparer.Ordinal);
        _mostClosed = Math.Max(1, _open.Length / 10);
    }

    /// <summary>What stands against the host that its caller asked for; null = nothing.</summary>
    public WaitReason? Against(QueuedMigration migration, string target) =>
        PlacementPolicy.FirstObstacle(_draft, migration.Placement, target) is not null
            ? WaitWords.TargetUnfit(target, PlacementPolicy.Judge(_draft, migration.Placement, target).Obstacles)
        : _closed.Contains(target) ? WaitWords.TargetKept(target)
        : null;

    /// <param name="admits">Whether a host may prepare one more.</param>
    public SearchResult Seek(QueuedMigration migration, Predicate<string> admits)
    {
        // Most of those that find no host want more memory than any has: seen without looking at each host.
        if (!Array.Exists(_free, free => free >= migration.Memory))
        {
            return new SearchResult(null, WaitWords.NoTarget(migration.Memory), Searched: false);
        }

        var choice = PlacementPolicy.Choose(_draft, migration.Placement, host => !_closed.Contains(host) && admits(host));
        return choice.HostId is not null ? new SearchResult(choice.HostId, null, Searched: true)
            : new SearchResult(
                null,
                choice.Tally.HeldBack > 0 ? WaitWords.TargetsBusy(choice.Tally.HeldBack) : WaitWords.NoTarget(choice.Tally),
                Searched: true);
    }

    public void Reserve(QueuedMigration migration, string target)
    {
        _draft.Reserve(migration.Placement.Guest, target);
        if (Array.FindIndex(_open, host => host.HostId == target) is var index and >= 0)
        {
            _free[index] = _draft.Load(target).MemoryFree;
        }
    }

    /// <summary>Keeps the room it lacks, or will need, from those behind it.</summary>
    /// <returns>False when no waiting helps: nothing is kept then.</returns>
    public bool Keep(QueuedMigration migration, IReadOnlyList<WaitReason> reasons)
    {
        if (migration.TargetHostId is { } asked)
        {
            if (!_known.Contains(asked))
            {
                return false;
            }

            if (PlacementPolicy.FirstObstacle(_draft, migration.Placement, asked) is not null)
            {
                return LacksRoom(migration, asked) && Close(asked);
            }

            Reserve(migration, asked);
            return true;
        }

        if (reasons.All(reason => reason.Cause is not WaitCause.NoTarget))
        {
            return reasons.All(reason => reason.Cause is not WaitCause.ItsTurn);
        }

        if (_closed.Count >= _mostClosed || ++_keepSearches > MostKeepSearches)
        {
            return false;
        }

        return _open.Where(host => host.MemoryAllocatable >= migration.Memory && !_closed.Contains(host.HostId) && LacksRoom(migration, host.HostId))
            .OrderByDescending(host => _draft.Load(host.HostId).MemoryFree).ThenBy(host => host.HostId, StringComparer.Ordinal)
            .FirstOrDefault() is { } best && Close(best.HostId);
    }

    /// <summary>It fits as soon as enough guests have left, and some are leaving.</summary>
    private bool LacksRoom(QueuedMigration migration, string hostId) =>
        _beingLeft.Contains(hostId)
        && PlacementPolicy.FirstObstacle(_draft, migration.Placement, hostId) is Obstacle.Memory or Obstacle.Cpus;

    /// <summary>Never more than one in ten, so that those who wait for much do not stop the rest.</summary>
    private bool Close(string hostId) => _closed.Contains(hostId) || (_closed.Count < _mostClosed && _closed.Add(hostId));
}

/// <param name="Why">Set when there is no host.</param>
/// <param name="Searched">False when it was clear without a search.</param>
internal readonly record struct SearchResult(string? HostId, WaitReason? Why, bool Searched);
