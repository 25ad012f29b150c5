namespace Orchestrator.Policy.Admission;

/// <summary>
/// The first gate: which of those in the queue are prepared now, and where. From one source, and in one labelled place, at most as many wait
/// prepared as may transfer: one crowded host does not fill the pool with what could not go on anyway.
/// </summary>
internal sealed class PreparingGate
{
    /// <summary>After so many searches that found no host the rest waits for the next pass.</summary>
    private const int FruitlessSearches = 200;

    /// <summary>Ageings after which room is kept for one that others have overtaken.</summary>
    private const int Patience = 10;

    private readonly AdmissionSnapshot _snapshot;
    private readonly FleetPlaces _places;
    private readonly PoolCounts _counts;
    private readonly Lazy<TargetSearch> _search;
    private readonly Dictionary<(string Source, int Used), WaitReason> _full = [];
    private int _fruitless;

    public PreparingGate(AdmissionSnapshot snapshot, FleetPlaces places, IReadOnlySet<Guid> granted)
    {
        (_snapshot, _places) = (snapshot, places);
        _counts = new PoolCounts(places);
        _search = new Lazy<TargetSearch>(() => new TargetSearch(snapshot));
        foreach (var migration in snapshot.Running.Where(migration => migration.Pool is AdmissionPool.Preparing && !granted.Contains(migration.MigrationId)))
        {
            _counts.Add(migration.SourceHostId, migration.TargetHostId);
        }
    }

    public List<AdmittedMigration> Admitted { get; } = [];

    /// <summary>Still in the queue, in its order; those that are not to start yet come last.</summary>
    public List<(QueuedMigration Migration, IReadOnlyList<WaitReason> Reasons)> Waiting { get; } = [];

    private TargetSearch Targets => _search.Value;

    private bool IsFull => _counts.Fleet >= _snapshot.Limits.Preparing;

    /// <summary>Only what is let through: nobody is asked any more once the pool is full, since it does not get emptier.</summary>
    public void PassUntilFull(IReadOnlyDictionary<string, int> callers)
    {
        if (IsFull)
        {
            return;
        }

        foreach (var migration in QueueOrder.Of(
            [.. _snapshot.Queue.Where(migration => !Held(migration).Any())], Line, _snapshot.Limits, callers, _snapshot.Fleet.At))
        {
            _ = Reasons(migration);
            if (IsFull)
            {
                return;
            }
        }
    }

    public void Pass(IReadOnlyDictionary<string, int> callers)
    {
        var now = _snapshot.Fleet.At;
        var held = _snapshot.Queue.ToLookup(migration => Held(migration).Any());
        foreach (var migration in QueueOrder.Of([.. held[false]], Line, _snapshot.Limits, callers, now))
        {
            var reasons = Reasons(migration);
            if (reasons.Count > 0)
            {
                Waiting.Add((migration, reasons));
            }
        }

        foreach (var migration in QueueOrder.Of([.. held[true]], Line, _snapshot.Limits, callers, now))
        {
            Waiting.Add((migration, [.. Held(migration)]));
        }
    }

    public static InLine Line(QueuedMigration migration) =>
        new(migration.MigrationId, migration.Caller, migration.PriorityClass, migration.Since);

    /// <summary>What keeps it from having a turn at all.</summary>
    private IEnumerable<WaitReason> Held(QueuedMigration migration)
    {
        var now = _snapshot.Fleet.At;
        if (migration.Paused)
        {
            yield return WaitWords.Paused();
        }

        if (migration.NotBefore is { } notBefore && notBefore > now)
        {
            yield return WaitWords.NotBefore(notBefore);
        }

        if (migration.NoticeUntil is { } notice && notice > now)
        {
            yield return WaitWords.Notice(notice);
        }
    }

    /// <returns>None when it was let through.</returns>
    private List<WaitReason> Reasons(QueuedMigration migration)
    {
        var limits = _snapshot.Limits;
        var source = migration.SourceHostId;
        List<WaitReason> reasons = [];
        if (!_places.IsConnected(source))
        {
            reasons.Add(WaitWords.SourceNotConnected(source));
        }

        if (IsFull)
        {
            reasons.Add(Once("", _counts.Fleet, used => WaitWords.PreparingLimit(used, limits.Preparing)));
        }

        if (_counts.OfSource(source) is var fromSource && fromSource >= limits.TransferringPerSource)
        {
            reasons.Add(Once(source, fromSource, used => WaitWords.SourceLimit(source, used, limits.TransferringPerSource, preparing: true)));
        }

        reasons.AddRange(_places.Of(source).Where(place => _counts.Of(place) >= place.Limit)
            .Select(place => WaitWords.LabelLimit(place, _counts.Of(place), preparing: true)));
        var open = reasons.Count == 0;
        if (migration.TargetHostId is { } asked)
        {
            reasons.AddRange(Against(migration, asked, inWords: open));
            if (reasons.Count == 0)
            {
                Admit(migration, asked);
            }
        }
        else if (open)
        {
            reasons.AddRange(Seek(migration));
        }

        if (reasons.Count > 0)
        {
            KeepFor(migration, reasons, open);
        }

        return reasons;
    }

    /// <summary>Thousands wait for the same.</summary>
    private WaitReason Once(string source, int used, Func<int, WaitReason> word)
    {
        if (!_full.TryGetValue((source, used), out var reason))
        {
            _full[(source, used)] = reason = word(used);
        }

        return reason;
    }

    private List<WaitReason> Against(QueuedMigration migration, string target, bool inWords)
    {
        if (_places.Host(target) is null)
        {
            return [WaitWords.TargetGone(target)];
        }

        List<WaitReason> reasons = [];
        if (_counts.OfTarget(target) is var arriving && arriving >= _snapshot.Limits.PreparingPerTarget)
        {
            reasons.Add(WaitWords.TargetLimit(target, arriving, _snapshot.Limits.PreparingPerTarget, preparing: true));
        }

        reasons.AddRange(_places.Of(target).Except(_places.Of(migration.SourceHostId)).Where(place => _counts.Of(place) >= place.Limit)
            .Select(place => WaitWords.LabelLimit(place, _counts.Of(place), preparing: true)));
        if (inWords && Targets.Against(migration, target) is { } unfit)
        {
            reasons.Add(unfit);
        }

        return reasons;
    }

    private IEnumerable<WaitReason> Seek(QueuedMigration migration)
    {
        if (_fruitless >= FruitlessSearches)
        {
            return [WaitWords.ItsTurn($"{FruitlessSearches} before it found no host, so nobody has looked for it yet")];
        }

        var found = Targets.Seek(migration, host =>
            _counts.OfTarget(host) < _snapshot.Limits.PreparingPerTarget
            && _places.Of(host).Except(_places.Of(migration.SourceHostId)).All(place => _counts.Of(place) < place.Limit));
        if (found.HostId is { } target)
        {
            Admit(migration, target);
            return [];
        }

        _fruitless += found.Searched ? 1 : 0;
        return found.Why is { } why ? [why] : [];
    }

    private void Admit(QueuedMigration migration, string target)
    {
        Admitted.Add(new AdmittedMigration(migration.MigrationId, target));
        _counts.Add(migration.SourceHostId, target);
        Targets.Reserve(migration, target);
    }

    /// <summary>
    /// Others may overtake one that cannot go, but not for ever: after ten ageings what it needs is kept for it, as it gets free. Its place
    /// among those prepared from its source; the room on the target it asked for; or, when no host has the memory, the host with most of it
    /// among those that somebody is leaving, closed to everybody behind it.
    /// </summary>
    private void KeepFor(QueuedMigration migration, List<WaitReason> reasons, bool open)
    {
        var patience = _snapshot.Limits.ClassOf(migration.PriorityClass).Ageing * Patience;
        if (_snapshot.Fleet.At - migration.Since < patience || !_places.IsConnected(migration.SourceHostId)
            || !Targets.Keep(migration, reasons))
        {
            return;
        }

        if (open)
        {
            _counts.HoldSource(migration.SourceHostId);
        }

        if (migration.TargetHostId is { } target)
        {
            _counts.HoldTarget(target, migration.SourceHostId);
        }
    }
}
