using System.Text.Json;
using FsCheck.Fluent;
using Orchestrator.Policy.Admission;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Tests.Admission;

/// <summary>What must hold for every queue, fleet and limits.</summary>
public class AdmissionPropertyTests
{
    [Fact]
    public void Drawn_Queues_ReachEveryCause()
    {
        HashSet<WaitCause> reached = [];
        var (admitted, granted) = (0, 0);
        foreach (var snapshot in Queues.Drawn.Sample(1500))
        {
            var plan = AdmissionPolicy.Plan(snapshot);
            reached.UnionWith(plan.Waiting.Concat(plan.WaitingPrepared).SelectMany(waiting => waiting.Reasons).Select(reason => reason.Cause));
            admitted += plan.Admitted.Count;
            granted += plan.Granted.Count;
        }

        // ItsTurn takes hundreds of searches in one pass.
        Assert.Equal(Enum.GetValues<WaitCause>().Except([WaitCause.ItsTurn]), reached.Order());
        Assert.True(admitted > 500 && granted > 100, $"{admitted} admitted, {granted} granted");
    }

    [Fact]
    public void Plan_AnySnapshot_NoLimitIsExceeded() => Check(snapshot =>
    {
        var limits = snapshot.Limits;
        var plan = AdmissionPolicy.Plan(snapshot);
        var grown = plan.Granted.ToHashSet();
        var transferring = snapshot.Running.Where(migration => migration.Pool is AdmissionPool.Transferring || grown.Contains(migration.MigrationId)).ToList();
        var sourceOf = snapshot.Queue.ToDictionary(migration => migration.MigrationId, migration => migration.SourceHostId);
        var preparing = snapshot.Running.Where(migration => migration.Pool is AdmissionPool.Preparing && !grown.Contains(migration.MigrationId))
            .Select(migration => (migration.SourceHostId, migration.TargetHostId))
            .Concat(plan.Admitted.Select(admitted => (SourceHostId: sourceOf[admitted.MigrationId], admitted.TargetHostId))).ToList();

        // What runs above a limit runs on; what is let through must keep it.
        foreach (var id in plan.Granted)
        {
            var granted = snapshot.Running.Single(migration => migration.MigrationId == id);
            Assert.True(transferring.Count <= limits.Transferring);
            Assert.True(transferring.Count(other => other.SourceHostId == granted.SourceHostId) <= limits.TransferringPerSource);
            Assert.True(transferring.Count(other => other.TargetHostId == granted.TargetHostId) <= limits.TransferringPerTarget);
            AssertRacks(granted.SourceHostId, granted.TargetHostId, transferring.Select(other => (other.SourceHostId, other.TargetHostId)));
            Assert.All(new[] { granted.SourceHostId, granted.TargetHostId }, host =>
                Assert.Equal(HostCondition.Connected, Host(snapshot, host).Condition));
        }

        foreach (var admitted in plan.Admitted)
        {
            Assert.True(preparing.Count <= limits.Preparing);
            Assert.True(preparing.Count(other => other.TargetHostId == admitted.TargetHostId) <= limits.PreparingPerTarget);
            Assert.True(preparing.Count(other => other.SourceHostId == sourceOf[admitted.MigrationId]) <= limits.TransferringPerSource);
            AssertRacks(sourceOf[admitted.MigrationId], admitted.TargetHostId, preparing);
        }

        void AssertRacks(string source, string target, IEnumerable<(string Source, string Target)> moves)
        {
            foreach (var rack in limits.PerLabel.SelectMany(_ => new[] { Rack(snapshot, source), Rack(snapshot, target) }).OfType<string>())
            {
                Assert.True(moves.Count(move => Rack(snapshot, move.Source) == rack || Rack(snapshot, move.Target) == rack) <= limits.PerLabel[0].Transferring);
            }
        }
    });

    [Fact]
    public void Plan_AnySnapshot_NothingGoesBeyondAHostsMemory() => Check(snapshot =>
    {
        var plan = AdmissionPolicy.Plan(snapshot);
        var memory = snapshot.Queue.ToDictionary(migration => migration.MigrationId, migration => migration.Memory.Bytes);
        foreach (var target in plan.Admitted.Select(admitted => admitted.TargetHostId).Distinct())
        {
            var there = snapshot.Fleet.Guests.Where(guest => guest.HostId == target || guest.TargetHostId == target).Sum(guest => guest.Memory.Bytes);
            var coming = plan.Admitted.Where(admitted => admitted.TargetHostId == target).Sum(admitted => memory[admitted.MigrationId]);
            Assert.True(there + coming <= Host(snapshot, target).MemoryAllocatable.Bytes);
            Assert.False(Host(snapshot, target).Cordoned);
        }
    });

    [Fact]
    public void Plan_AnySnapshot_EverythingIsLetThroughOrSaysWhyNot() => Check(snapshot =>
    {
        var plan = AdmissionPolicy.Plan(snapshot);
        Assert.Equal(
            snapshot.Queue.Select(migration => migration.MigrationId).Order(),
            plan.Admitted.Select(admitted => admitted.MigrationId).Concat(plan.Waiting.Select(waiting => waiting.MigrationId)).Order());
        Assert.Equal(
            snapshot.Running.Where(migration => migration is { Pool: AdmissionPool.Preparing, PreparedAt: not null }).Select(migration => migration.MigrationId).Order(),
            plan.Granted.Concat(plan.WaitingPrepared.Select(waiting => waiting.MigrationId)).Order());
        Assert.Equal(Enumerable.Range(1, plan.Waiting.Count), plan.Waiting.Select(waiting => waiting.Position));
        Assert.All(plan.Waiting.Concat(plan.WaitingPrepared), waiting =>
        {
            Assert.NotEmpty(waiting.Reasons);
            Assert.All(waiting.Reasons, reason => Assert.True(reason.Message.Length > 10));
            Assert.True(waiting.PredictedStart is null || waiting.PredictedStart >= Queues.Now);
        });
        var asked = snapshot.Queue.Where(migration => migration.TargetHostId is not null).ToDictionary(migration => migration.MigrationId, migration => migration.TargetHostId);
        Assert.All(plan.Admitted, admitted => Assert.True(!asked.TryGetValue(admitted.MigrationId, out var target) || target == admitted.TargetHostId));
        var held = snapshot.Queue.Where(migration => migration.Paused || migration.NotBefore > Queues.Now || migration.NoticeUntil > Queues.Now);
        Assert.Empty(plan.Admitted.Select(admitted => admitted.MigrationId).Intersect(held.Select(migration => migration.MigrationId)));
    });

    [Fact]
    public void Plan_AnySnapshot_SharesAreOfEverythingThatTransfersAndFitTheLinks() => Check(snapshot =>
    {
        var plan = AdmissionPolicy.Plan(snapshot);
        var running = snapshot.Running.ToDictionary(migration => migration.MigrationId);
        Assert.Equal(
            running.Values.Where(migration => migration.Pool is AdmissionPool.Transferring).Select(migration => migration.MigrationId).Concat(plan.Granted).Order(),
            plan.Shares.Select(share => share.MigrationId).Order());
        foreach (var host in snapshot.Fleet.Hosts.Where(host => host.LinkSpeed > DataRate.Zero))
        {
            var room = host.LinkSpeed.BytesPerSecond * snapshot.Limits.LinkShare;
            Assert.True(plan.Shares.Where(share => running[share.MigrationId].SourceHostId == host.HostId).Sum(share => share.Rate.BytesPerSecond) <= room);
            Assert.True(plan.Shares.Where(share => running[share.MigrationId].TargetHostId == host.HostId).Sum(share => share.Rate.BytesPerSecond) <= room);
        }

        Assert.All(plan.Shares, share => Assert.True(
            running[share.MigrationId].MaxRate == DataRate.Zero || share.Rate <= running[share.MigrationId].MaxRate));
    });

    [Fact]
    public void Plan_SameSnapshotInAnotherOrder_SamePlan() => Check(snapshot =>
    {
        var other = snapshot with
        {
            Queue = [.. snapshot.Queue.Reverse()],
            Running = [.. snapshot.Running.Reverse()],
            Fleet = snapshot.Fleet with { Hosts = [.. snapshot.Fleet.Hosts.Reverse()], Guests = [.. snapshot.Fleet.Guests.Reverse()] },
        };
        Assert.Equal(JsonSerializer.Serialize(AdmissionPolicy.Plan(snapshot)), JsonSerializer.Serialize(AdmissionPolicy.Plan(other)));
    });

    [Fact]
    public void Decide_AnySnapshot_LetsThroughWhatThePlanDoes() => Check(snapshot =>
    {
        var (plan, decision) = (AdmissionPolicy.Plan(snapshot), AdmissionPolicy.Decide(snapshot));
        Assert.Equal(plan.Admitted, decision.Admitted);
        Assert.Equal(plan.Granted, decision.Granted);
        Assert.Equal(plan.Shares, decision.Shares);
        Assert.Empty(decision.Waiting);
        Assert.Empty(decision.WaitingPrepared);
    });

    [Fact]
    public void Plan_LimitsLowered_StopNothingAndLetNoMoreThrough() => Check(snapshot =>
    {
        var lowest = snapshot with
        {
            Limits = snapshot.Limits with
            {
                Transferring = 1,
                Preparing = 1,
                TransferringPerSource = 1,
                TransferringPerTarget = 1,
                PreparingPerTarget = 1,
                PerLabel = [],
            },
        };
        var plan = AdmissionPolicy.Plan(lowest);
        var transferring = snapshot.Running.Where(migration => migration.Pool is AdmissionPool.Transferring).Select(migration => migration.MigrationId).ToList();
        Assert.Subset(plan.Shares.Select(share => share.MigrationId).ToHashSet(), transferring.ToHashSet());
        Assert.True(plan.Granted.Count <= (transferring.Count == 0 ? 1 : 0));
    });

    private static string? Rack(AdmissionSnapshot snapshot, string hostId) => Host(snapshot, hostId).Labels.GetValueOrDefault("rack");

    private static FleetHost Host(AdmissionSnapshot snapshot, string hostId) => snapshot.Fleet.Hosts.Single(host => host.HostId == hostId);

    private static void Check(Action<AdmissionSnapshot> holds) =>
        FsCheck.Check.One(Drawing.Of(500), Prop.ForAll(Queues.Drawn.ToArbitrary(), holds));
}
