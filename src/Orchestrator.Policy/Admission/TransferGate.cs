namespace Orchestrator.Policy.Admission;

/// <summary>The second gate: which of those that wait prepared may transfer.</summary>
internal sealed class TransferGate
{
    private readonly AdmissionSnapshot _snapshot;
    private readonly FleetPlaces _places;
    private readonly PoolCounts _counts;
    private readonly LinkBook _links;

    public TransferGate(AdmissionSnapshot snapshot, FleetPlaces places)
    {
        (_snapshot, _places) = (snapshot, places);
        _counts = new PoolCounts(places);
        _links = new LinkBook(snapshot.Limits, places);
        Transferring = [.. snapshot.Running.Where(migration => migration.Pool is AdmissionPool.Transferring).OrderBy(migration => migration.MigrationId)];
        foreach (var migration in Transferring)
        {
            Take(migration);
        }
    }

    public List<Guid> Granted { get; } = [];

    /// <summary>Those granted here included.</summary>
    public List<RunningMigration> Transferring { get; }

    /// <summary>Still prepared, in their order.</summary>
    public List<(RunningMigration Migration, IReadOnlyList<WaitReason> Reasons)> Waiting { get; } = [];

    public IReadOnlyList<BandwidthShare> Share() => _links.Share(Transferring);

    public void Pass(IReadOnlyDictionary<string, int> callers)
    {
        var now = _snapshot.Fleet.At;
        var prepared = _snapshot.Running.Where(migration => migration is { Pool: AdmissionPool.Preparing, PreparedAt: not null }).ToList();
        foreach (var migration in QueueOrder.Of(prepared, Line, _snapshot.Limits, callers, now))
        {
            var reasons = Reasons(migration);
            if (reasons.Count == 0)
            {
                Granted.Add(migration.MigrationId);
                Transferring.Add(migration);
                Take(migration);
                continue;
            }

            Waiting.Add((migration, reasons));

            // It has room held on its target while it waits, so its patience is short: after one ageing what it lacks is kept for it.
            var patience = _snapshot.Limits.ClassOf(migration.PriorityClass).Ageing;
            if (now - migration.PreparedAt >= patience && reasons.All(PassesWithTime))
            {
                Take(migration);
            }
        }
    }

    public static InLine Line(RunningMigration migration) =>
        new(migration.MigrationId, migration.Caller, migration.PriorityClass, migration.QueuedAt);

    private static bool PassesWithTime(WaitReason reason) =>
        reason.Cause is WaitCause.FleetLimit or WaitCause.SourceLimit or WaitCause.TargetLimit or WaitCause.LabelLimit or WaitCause.Link;

    private void Take(RunningMigration migration)
    {
        _counts.Add(migration.SourceHostId, migration.TargetHostId);
        _links.Add(migration.SourceHostId, migration.TargetHostId, migration.MaxRate);
    }

    private List<WaitReason> Reasons(RunningMigration migration)
    {
        var limits = _snapshot.Limits;
        var (source, target) = (migration.SourceHostId, migration.TargetHostId);
        List<WaitReason> reasons = [];
        if (!_places.IsConnected(source))
        {
            reasons.Add(WaitWords.SourceNotConnected(source));
        }

        if (!_places.IsConnected(target))
        {
            reasons.Add(WaitWords.TargetSilent(target));
        }

        if (_counts.Fleet >= limits.Transferring)
        {
            reasons.Add(WaitWords.FleetLimit(_counts.Fleet, limits.Transferring));
        }

        if (_counts.OfSource(source) is var fromSource && fromSource >= limits.TransferringPerSource)
        {
            reasons.Add(WaitWords.SourceLimit(source, fromSource, limits.TransferringPerSource, preparing: false));
        }

        if (_counts.OfTarget(target) is var toTarget && toTarget >= limits.TransferringPerTarget)
        {
            reasons.Add(WaitWords.TargetLimit(target, toTarget, limits.TransferringPerTarget, preparing: false));
        }

        reasons.AddRange(_places.Of(source).Union(_places.Of(target)).Where(place => _counts.Of(place) >= place.Limit)
            .Select(place => WaitWords.LabelLimit(place, _counts.Of(place), preparing: false)));
        if (_links.Full(source, target, migration.MaxRate) is { } link)
        {
            reasons.Add(WaitWords.Link(link, limits.MinRate));
        }

        return reasons;
    }
}
