using Orchestrator.Policy.Admission;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Tests.Admission;

public class AdmissionPolicyTests
{
    private static readonly FleetHost[] s_three = [Queues.Host("h1"), Queues.Host("h2"), Queues.Host("h3")];

    [Fact]
    public void Plan_NoTargetAsked_PlacementChoosesAndRoomIsTaken()
    {
        // Each target takes one of 40 GiB; the third has nowhere to go.
        var queue = Enumerable.Range(1, 3).Select(number => Queues.Queued(number, "h1", gibibytes: 40)).ToList();
        var plan = AdmissionPolicy.Plan(Queues.Snapshot(Queues.Wide, [Queues.Host("h1", 200), s_three[1], s_three[2]], queue));

        Assert.Equal(["h2", "h3"], plan.Admitted.Select(admitted => admitted.TargetHostId).Order());
        var waiting = Assert.Single(plan.Waiting);
        Assert.Equal((Queues.Id(3), 1, (DateTimeOffset?)null), (waiting.MigrationId, waiting.Position, waiting.PredictedStart));
        Assert.Equal(WaitCause.NoTarget, Assert.Single(waiting.Reasons).Cause);
    }

    [Fact]
    public void Plan_HeadThatCannotGo_DoesNotBlockTheOthers()
    {
        var plan = AdmissionPolicy.Plan(Queues.Snapshot(
            Queues.Wide, s_three, [Queues.Queued(1, "h1", waited: 300, gibibytes: 100), Queues.Queued(2, "h1")]));

        Assert.Equal(Queues.Id(2), Assert.Single(plan.Admitted).MigrationId);
    }

    [Fact]
    public void Plan_HeadOvertakenForLong_GetsWhatIsLeavingKeptForIt()
    {
        // 60 GiB fit nowhere now: h2 and h3 have 14 GiB in use. A guest is leaving h2, so what gets free there is kept.
        FleetGuest[] there = [Queues.Guest(50, "h2", 14), Queues.Guest(51, "h3", 14)];
        var leaving = Queues.Running(60, "h2", "h1") with { Memory = DataSize.FromGibibytes(14) };
        var queue = new[] { Queues.Queued(1, "h1", waited: 601, gibibytes: 60), Queues.Queued(2, "h1", "h2"), Queues.Queued(3, "h1", "h3") };
        var snapshot = Queues.Snapshot(Queues.Wide, s_three, queue, leaving);
        snapshot = snapshot with { Fleet = snapshot.Fleet with { Guests = [.. snapshot.Fleet.Guests, .. there] } };

        var plan = AdmissionPolicy.Plan(snapshot);
        Assert.Equal(Queues.Id(3), Assert.Single(plan.Admitted).MigrationId);
        Assert.Equal("what gets free on its target h2 is kept for one that has waited long", plan.Waiting[1].Reasons[0].Message);

        // Not before it has waited ten ageings.
        var young = snapshot with { Queue = [queue[0] with { QueuedAt = Queues.Now.AddSeconds(-599) }, queue[1], queue[2]] };
        Assert.Equal(2, AdmissionPolicy.Plan(young).Admitted.Count);
    }

    [Fact]
    public void Plan_NothingIsLeaving_NothingIsKept()
    {
        // No waiting would bring 60 GiB about.
        var snapshot = Queues.Snapshot(
            Queues.Wide, [s_three[0], Queues.Host("h2", 50)], [Queues.Queued(1, "h1", waited: 100_000, gibibytes: 60), Queues.Queued(2, "h1", "h2")]);

        Assert.Equal(Queues.Id(2), Assert.Single(AdmissionPolicy.Plan(snapshot).Admitted).MigrationId);
    }

    [Fact]
    public void Plan_SlowPreparations_HoldNoTransferSlot()
    {
        var limits = Queues.Wide with { Transferring = 1, TransferringPerSource = 1, TransferringPerTarget = 1 };
        var plan = AdmissionPolicy.Plan(Queues.Snapshot(
            limits,
            [.. s_three, Queues.Host("h4")],
            [],
            Queues.Running(1, "h1", "h2", AdmissionPool.Preparing),
            Queues.Running(2, "h3", "h4", AdmissionPool.Preparing, preparedSince: 1)));

        Assert.Equal([Queues.Id(2)], plan.Granted);
        Assert.Empty(plan.WaitingPrepared);
    }

    [Fact]
    public void Plan_EverythingFull_EveryReasonIsNamedWithFigures()
    {
        var limits = Queues.Wide with
        {
            Transferring = 1,
            TransferringPerSource = 1,
            TransferringPerTarget = 1,
            PerLabel = [new LabelLimit("rack", 1)],
            MinRate = DataRate.FromMebibytesPerSecond(60),
        };
        FleetHost[] hosts = [Queues.Host("h1", linkMebibytes: 100, rack: "r1"), Queues.Host("h2", rack: "r2")];
        var plan = AdmissionPolicy.Plan(Queues.Snapshot(
            limits, hosts, [], Queues.Running(1, "h1", "h2"), Queues.Running(2, "h1", "h2", AdmissionPool.Preparing, preparedSince: 5)));

        Assert.Equal(
            [
                (WaitCause.FleetLimit, "", 1, 1), (WaitCause.SourceLimit, "h1", 1, 1), (WaitCause.TargetLimit, "h2", 1, 1),
                (WaitCause.LabelLimit, "rack=r1", 1, 1), (WaitCause.LabelLimit, "rack=r2", 1, 1),
                (WaitCause.Link, "h1", 60L << 20, 100L << 20),
            ],
            Assert.Single(plan.WaitingPrepared).Reasons.Select(reason => (reason.Cause, reason.Subject, reason.Used, reason.Limit)));
        Assert.Equal(
            "the link out of h1 gives migrations 100 MiB/s, 1 are on it, and one more would leave less than 60 MiB/s for each",
            plan.WaitingPrepared[0].Reasons[^1].Message);
    }

    [Fact]
    public void Plan_OneThatNeedsTwoFullSides_IsNotStarvedBySmallerOnes()
    {
        // Its source and its target get free in turn; others would take each as it does.
        var limits = Queues.Wide with { TransferringPerSource = 1, TransferringPerTarget = 1 };
        RunningMigration[] running =
        [
            Queues.Running(1, "h1", "h3"),
            Queues.Running(2, "h1", "h2", AdmissionPool.Preparing, preparedSince: 61),
            Queues.Running(3, "h3", "h2", AdmissionPool.Preparing, preparedSince: 30),
        ];

        var plan = AdmissionPolicy.Plan(Queues.Snapshot(limits, s_three, [], running));
        Assert.Empty(plan.Granted);
        Assert.Equal([Queues.Id(2), Queues.Id(3)], plan.WaitingPrepared.Select(waiting => waiting.MigrationId));

        running[1] = Queues.Running(2, "h1", "h2", AdmissionPool.Preparing, preparedSince: 59);
        Assert.Equal([Queues.Id(3)], AdmissionPolicy.Plan(Queues.Snapshot(limits, s_three, [], running)).Granted);
    }

    [Fact]
    public void Plan_TooNarrowALink_LetsOneThrough()
    {
        var limits = Queues.Wide with { MinRate = DataRate.FromMebibytesPerSecond(500) };
        FleetHost[] hosts = [Queues.Host("h1", linkMebibytes: 100), .. s_three[1..]];
        var plan = AdmissionPolicy.Plan(Queues.Snapshot(
            limits, hosts, [], Queues.Running(1, "h1", "h2", AdmissionPool.Preparing, 2), Queues.Running(2, "h1", "h3", AdmissionPool.Preparing, 1)));

        Assert.Equal([Queues.Id(1)], plan.Granted);
        Assert.InRange(Assert.Single(plan.Shares).Rate.BytesPerSecond, (100L << 20) - 1, 100L << 20);
    }

    [Fact]
    public void Plan_PreparedFromOneSource_NoMoreThanMayTransfer()
    {
        var queue = Enumerable.Range(1, 10).Select(number => Queues.Queued(number, "h1")).ToList();
        var plan = AdmissionPolicy.Plan(Queues.Snapshot(Queues.Wide with { Preparing = 5, TransferringPerSource = 2 }, s_three, [.. queue, Queues.Queued(20, "h2")]));

        Assert.Equal([Queues.Id(1), Queues.Id(2), Queues.Id(20)], plan.Admitted.Select(admitted => admitted.MigrationId).Order());
        Assert.All(plan.Waiting, waiting => Assert.Equal((WaitCause.SourceLimit, "h1", 2L, 2L),
            (waiting.Reasons[0].Cause, waiting.Reasons[0].Subject, waiting.Reasons[0].Used, waiting.Reasons[0].Limit)));
    }

    [Fact]
    public void Plan_WhatIsHeld_StandsAtTheEndWithItsReasonAndTime()
    {
        var limits = Queues.Wide with { Preparing = 1, PreparingPerTarget = 1 };
        var plan = AdmissionPolicy.Plan(Queues.Snapshot(
            limits,
            s_three,
            [
                Queues.Queued(1, "h1", waited: 50) with { Paused = true },
                Queues.Queued(2, "h1", waited: 40) with { NotBefore = Queues.Now.AddHours(1) },
                Queues.Queued(3, "h1", waited: 30) with { NoticeUntil = Queues.Now.AddMinutes(10) },
                Queues.Queued(4, "h1"), Queues.Queued(5, "h1"),
            ]));

        Assert.Equal(Queues.Id(4), Assert.Single(plan.Admitted).MigrationId);
        Assert.Equal(
            [
                (Queues.Id(5), WaitCause.PreparingLimit), (Queues.Id(1), WaitCause.Paused), (Queues.Id(3), WaitCause.Notice), (Queues.Id(2), WaitCause.NotBefore),
            ],
            plan.Waiting.Select(waiting => (waiting.MigrationId, waiting.Reasons[0].Cause)));
        Assert.Equal(
            [true, false, true, true], plan.Waiting.Select(waiting => waiting.PredictedStart is not null));
        Assert.Equal(Queues.Now.AddHours(1), plan.Waiting[3].PredictedStart);
    }

    [Fact]
    public void Plan_PredictedStart_FollowsTheRunningOnesAndTheLineBeforeIt()
    {
        // One at a time; 1 GiB takes 10.24 s at 100 MiB/s.
        var limits = Queues.Wide with { Transferring = 1, TransferringPerSource = 1, TransferringPerTarget = 1, Preparing = 1, PreparingPerTarget = 1 };
        var running = new[]
        {
            Queues.Running(1, "h1", "h2") with { Remaining = TimeSpan.FromSeconds(5) }, Queues.Running(2, "h1", "h2", AdmissionPool.Preparing, 1),
        };
        var snapshot = Queues.Snapshot(limits, s_three, [Queues.Queued(3, "h1", "h3", waited: 9), Queues.Queued(4, "h1", "h3")], running);

        var plan = AdmissionPolicy.Plan(snapshot);
        Assert.Equal(Queues.Now.AddSeconds(5), plan.WaitingPrepared[0].PredictedStart);
        Assert.Equal([Queues.Now.AddSeconds(15.24), Queues.Now.AddSeconds(25.48)], plan.Waiting.Select(waiting => waiting.PredictedStart));

        var nothingKnown = AdmissionPolicy.Plan(snapshot with { TypicalRate = DataRate.Zero });
        Assert.Equal(Queues.Now.AddSeconds(5), nothingKnown.WaitingPrepared[0].PredictedStart);
        Assert.All(nothingKnown.Waiting, waiting => Assert.Null(waiting.PredictedStart));
    }

    [Fact]
    public void Plan_TargetOrSourceAway_SaysSo()
    {
        FleetHost[] hosts = [s_three[0], Queues.Host("h2", condition: HostCondition.Suspect), s_three[2] with { Cordoned = true }];
        var plan = AdmissionPolicy.Plan(Queues.Snapshot(
            Queues.Wide, hosts,
            [Queues.Queued(1, "h1", "h2"), Queues.Queued(2, "h1", "h3"), Queues.Queued(3, "h1", "h9"), Queues.Queued(4, "h2", "h1")],
            Queues.Running(5, "h1", "h2", AdmissionPool.Preparing, 3)));

        Assert.Empty(plan.Admitted);
        Assert.Equal(
            [WaitCause.TargetUnfit, WaitCause.TargetUnfit, WaitCause.TargetUnfit, WaitCause.SourceNotConnected],
            plan.Waiting.OrderBy(waiting => waiting.MigrationId).Select(waiting => waiting.Reasons[0].Cause));
        Assert.Equal("the agent of its target h2 does not answer", Assert.Single(plan.WaitingPrepared[0].Reasons).Message);
    }
}
