using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Evacuation;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Tests.Evacuation;

/// <summary>What must hold for every fleet and every bad luck.</summary>
public class ConductorPropertyTests
{
    private const int ManyBeats = 6000;
    private static readonly Config s_config = Drawing.Of(150);

    private static Gen<(DrawnFleet Fleet, List<int> Fate)> Worlds =>
        from fleet in DrawnFleet.Fleets
        from fate in Gen.Choose(0, 10_000).ListOf(97)
        select (fleet, fate.ToList());

    [Fact]
    public void Next_AnyLuck_EndsAndSaysWhyOfEachThatStays() => Check(world =>
    {
        world.Run(ManyBeats);
        Assert.True(world.State.HasEnded, Text(world.State));
        Assert.DoesNotContain(world.State.Guests, guest => guest.Phase is GuestPhase.Waiting or GuestPhase.Moving or GuestPhase.BackingOff);
        var left = world.State.Guests.Any(guest => guest.Phase is GuestPhase.Failed or GuestPhase.Stuck);
        Assert.Equal(left ? EvacuationPhase.Incomplete : EvacuationPhase.Completed, world.State.Phase);
        Assert.All(world.State.Guests, guest => Assert.NotEmpty(guest.Message));
    });

    [Fact]
    public void Next_AnyLuck_AttemptsAreBounded() => Check((fleet, world) =>
    {
        world.Run(ManyBeats);
        foreach (var guest in world.Ends.GroupBy(end => end.Move.GuestId))
        {
            var (failures, worst) = (0, 0);
            foreach (var (_, end) in guest.OrderBy(end => end.Move.Attempt))
            {
                failures = end is MoveProgress.Completed ? 0 : failures + 1;
                worst = Math.Max(worst, failures);
            }

            Assert.True(worst <= fleet.Terms.MaxAttempts, guest.Key);
        }
    });

    [Fact]
    public void Next_AnyLuck_OneMoveOfAGuestAtATimeAndNothingBeyondCapacity() => Check((fleet, world) =>
    {
        var before = fleet.Facts.Fleet.Hosts.ToDictionary(host => host.HostId, host => world.Promised(host.HostId));
        world.Run(ManyBeats, (_, step) =>
        {
            Assert.All(step.State.Guests.Where(guest => guest.IsUnderWay), guest => Assert.NotEqual(guest.SourceHostId, guest.TargetHostId));
            Assert.All(fleet.Facts.Fleet.Hosts, host => Assert.True(
                world.Promised(host.HostId) <= Math.Max(before[host.HostId], world.Allocatable(host.HostId)), host.HostId));
        });
        Assert.All(world.Begun.GroupBy(begin => (begin.GuestId, begin.Attempt)), same => Assert.Single(same.Distinct()));
    });

    [Fact]
    public void Next_StateThatWasStored_SameStepAgain() => Check((fleet, world) => world.Run(300, (facts, step) =>
    {
        var stored = JsonSerializer.Deserialize<EvacuationState>(JsonSerializer.Serialize(world.State))!;
        var again = EvacuationConductor.Next(fleet.Terms, stored, facts, world.Now);
        Assert.Equal(Text(step.State), Text(again.State));
        Assert.Equal(step.Actions, again.Actions);
    }));

    [Fact]
    public void Next_AfterAFailure_AnotherTargetIfThereIsOne() => Check(
        drawn => drawn.With(
            host => host with { MemoryAllocatable = DataSize.FromGibibytes(5000), Cordoned = false, Condition = HostCondition.Connected },
            guest => guest with { Placement = PlacementTerms.None }) with
        {
            Terms = drawn.Terms with { MaxHostsOut = 0 },
        },
        (fleet, world) =>
        {
            world.Run(ManyBeats);
            foreach (var guest in world.Ends.GroupBy(end => end.Move.GuestId))
            {
                var targets = fleet.Facts.Fleet.Hosts.Count(host => !fleet.Terms.HostIds.Contains(host.HostId));
                var moves = guest.Where(end => end.End is not MoveProgress.Completed).OrderBy(end => end.Move.Attempt).Select(end => end.Move).ToList();
                var choice = targets > 1 && fleet.Terms.Of(guest.Key).TargetHostId is null;
                Assert.True(!choice || moves.Zip(moves.Skip(1)).All(pair => pair.First.TargetHostId != pair.Second.TargetHostId));
            }
        });

    [Theory]
    [InlineData(EvacuationCancelMode.StopHere)]
    [InlineData(EvacuationCancelMode.BringBack)]
    public void Cancel_AtAnyMoment_EndsAndNothingIsUnderWay(EvacuationCancelMode mode) => Check((fleet, world) =>
    {
        world.Run(30);
        var ended = world.State.HasEnded;
        world.State = EvacuationConductor.Cancel(world.State, mode);
        var begun = world.Begun.Select(begin => (begin.GuestId, begin.Attempt)).ToHashSet();
        world.Run(ManyBeats);
        Assert.True(world.State.HasEnded, Text(world.State));
        Assert.True(ended || world.State.Phase is EvacuationPhase.Cancelled);
        Assert.DoesNotContain(world.State.Guests, guest => guest.IsUnderWay);

        // What is begun after it only goes home. (A move that was stored before and lost is asked for once more, to be taken back.)
        var homes = world.State.Guests.ToDictionary(guest => guest.GuestId, guest => guest.HomeHostId);
        Assert.All(world.Begun.Where(begin => !begun.Contains((begin.GuestId, begin.Attempt))), begin => Assert.True(
            (mode is EvacuationCancelMode.BringBack && begin.TargetHostId == homes[begin.GuestId])
            || world.Ends.All(end => end.Move != begin || end.End is MoveProgress.Cancelled)));
    });

    [Fact]
    public void Pause_WhileItLasts_BeginsNothing() => Check((_, world) =>
    {
        world.Run(10);
        world.State = EvacuationConductor.Pause(world.State);
        var moving = world.State.Guests.Where(guest => guest.IsUnderWay).Select(guest => guest.GuestId).ToHashSet();
        world.Run(100, (_, step) =>
        {
            Assert.All(step.State.Guests.Where(guest => guest.IsUnderWay), guest => Assert.Contains(guest.GuestId, moving));
            Assert.All(step.Actions.OfType<ConductorAction.Begin>(), begin => Assert.Contains(begin.GuestId, moving));
        });
        world.State = EvacuationConductor.Resume(world.State);
        world.Run(ManyBeats);
        Assert.True(world.State.HasEnded);
    });

    [Fact]
    public void Outlook_AtAnyMoment_IsAPlanForWhatIsLeft() => Check((fleet, world) => world.Run(60, (facts, step) =>
    {
        var plan = EvacuationConductor.Outlook(fleet.Terms, step.State, facts, world.Now);
        var under = step.State.Guests.Where(guest => guest.IsUnderWay).Select(guest => guest.GuestId);
        Assert.Empty(plan.Moves.Select(move => move.GuestId).Intersect(under));
    }));

    private static void Check(Action<EvacuationWorld> property) => Check((_, world) => property(world));

    private static void Check(Action<DrawnFleet, EvacuationWorld> property) => Check(drawn => drawn, property);

    private static void Check(Func<DrawnFleet, DrawnFleet> change, Action<DrawnFleet, EvacuationWorld> property) => Prop.ForAll(
        Arb.From(Worlds),
        drawn =>
        {
            var fleet = change(drawn.Fleet);
            property(fleet, new EvacuationWorld(fleet, drawn.Fate));
        }).Check(s_config);

    private static string Text(EvacuationState state) => JsonSerializer.Serialize(state);
}
