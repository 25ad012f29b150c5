using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.Policy.Admission;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>
/// One pass of admission and its writing, in one transaction under the lock of the limits: everything is read under it, so two that run at
/// once on different replicas come one after the other and never give the same room or the same slot twice.
/// </summary>
internal sealed class AdmissionRound(DatabaseGate database, QueueReader reader)
{
    // Whatever a link has more or less of, all that are on it would be told of, and most of it is taken back when the next one begins.
    private static readonly TimeSpan s_smallRaisesEvery = TimeSpan.FromSeconds(5);

    private long _smallRaisesToldAt;

    public Task<RoundResult> RunAsync(CancellationToken cancellation) => database.RunAsync(
        async (connection, token) =>
        {
            var began = TimeProvider.System.GetTimestamp();
            await using var transaction = await connection.BeginTransactionAsync(token);
            var limits = await LimitsStore.LockAsync(transaction, token);
            var facts = await reader.ReadAsync(connection, limits, forecasting: false, token);
            var read = TimeProvider.System.GetElapsedTime(began);
            var plan = AdmissionPolicy.Decide(facts.Snapshot);
            var decided = TimeProvider.System.GetElapsedTime(began);
            var stranded = await SlotStore.EndStrandedAsync(connection, facts.Stranded, plan.At, token);
            IReadOnlyList<Guid> admitted = [];
            if (plan.Admitted.Count > 0)
            {
                var room = await SlotStore.LockHostsAsync(
                    connection, plan.Admitted.Select(migration => migration.TargetHostId).ToHashSet(StringComparer.Ordinal), token);
                admitted = await SlotStore.TakeAsync(connection, Fitting(facts.Snapshot, plan, room), plan.At, token);
            }

            var granted = plan.Granted.Count == 0 ? 0 : await SlotStore.GrantAsync(connection, plan.Granted, plan.At, token);
            var small = _smallRaisesToldAt == 0 || TimeProvider.System.GetElapsedTime(_smallRaisesToldAt) >= s_smallRaisesEvery;
            var shares = plan.Shares
                .Where(share => facts.Shares.TryGetValue(share.MigrationId, out var before) && IsWorthTelling(before, share.Rate.BytesPerSecond, small))
                .Select(share => (share.MigrationId, share.Rate.BytesPerSecond)).ToList();
            if (shares.Count > 0)
            {
                await SlotStore.ShareAsync(connection, shares, token);
            }

            await transaction.CommitAsync(token);
            _smallRaisesToldAt = small ? TimeProvider.System.GetTimestamp() : _smallRaisesToldAt;
            foreach (var migrationId in stranded.Concat(admitted))
            {
                database.Notifications.Send(NotificationChannel.Migration, migrationId.ToString());
            }

            if (admitted.Count + granted + shares.Count > 0)
            {
                // For those who take migrations up, and for those who command them.
                database.Notifications.Send(NotificationChannel.Slot, "");
            }

            return new RoundResult(admitted.Count, granted, shares.Count, stranded)
            {
                Waiting = facts.Snapshot.Queue.Count,
                Running = facts.Snapshot.Running.Count,
                Reading = read,
                Deciding = decided - read,
                Writing = TimeProvider.System.GetElapsedTime(began) - decided,
            };
        },
        cancellation);

    /// <summary>
    /// Less is told at once, and much more; a little more every now and then; next to nothing never: every telling is a command to an agent.
    /// </summary>
    /// <param name="small">A little more is told too.</param>
    internal static bool IsWorthTelling(long before, long now, bool small) =>
        now != before && (now == 0 || before == 0 || now < before || now - before > before / (small ? 20 : 3));

    /// <summary>Those for which there is room by what is on the hosts now that they are locked; the others are looked at in the next round.</summary>
    private static List<SlotWanted> Fitting(AdmissionSnapshot snapshot, AdmissionPlan plan, IReadOnlyDictionary<string, HostRoom> taken)
    {
        var guests = snapshot.Queue.ToDictionary(migration => migration.MigrationId, migration => migration.Placement.Guest);
        var hosts = snapshot.Fleet.Hosts.ToDictionary(host => host.HostId, StringComparer.Ordinal);
        Dictionary<string, HostRoom> room = new(taken, StringComparer.Ordinal);
        List<SlotWanted> fitting = [];
        foreach (var (migrationId, target) in plan.Admitted)
        {
            var guest = guests[migrationId];
            if (room.TryGetValue(target, out var used) && used.MemoryBytes <= hosts[target].MemoryAllocatable.Bytes - guest.Memory.Bytes
                && used.Vcpus + guest.Vcpus <= hosts[target].VcpusAllocatable)
            {
                room[target] = new HostRoom(used.MemoryBytes + guest.Memory.Bytes, used.Vcpus + guest.Vcpus);
                fitting.Add(new SlotWanted(migrationId, target, guest.Memory.Bytes, guest.Vcpus));
            }
        }

        return fitting;
    }
}

/// <param name="Stranded">Ended, since their guests are not what they were.</param>
internal sealed record RoundResult(int Admitted, int Granted, int Shared, IReadOnlyList<Guid> Stranded)
{
    /// <summary>When the round began; what it let through included.</summary>
    public int Waiting { get; init; }

    /// <summary>When the round began.</summary>
    public int Running { get; init; }

    /// <summary>The wait for the lock included.</summary>
    public TimeSpan Reading { get; init; }

    public TimeSpan Deciding { get; init; }

    /// <summary>The commit included.</summary>
    public TimeSpan Writing { get; init; }
}
