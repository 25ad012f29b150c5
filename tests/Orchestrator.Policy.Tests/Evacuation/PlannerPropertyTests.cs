using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Evacuation;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Tests.Evacuation;

/// <summary>What must hold for every fleet, possible or not. The plan is checked by rules of its own, not by the planner's.</summary>
public class PlannerPropertyTests
{
    private static readonly Config s_config = Drawing.Of(500);

    [Fact]
    public void Plan_EveryGuestOfTheHosts_IsMovedStuckOrSkipped() => Check(drawn =>
    {
        var plan = Plan(drawn);
        var meant = drawn.Facts.Guests.Where(guest => drawn.Terms.HostIds.Contains(guest.HostId)).Select(guest => guest.GuestId);
        var told = plan.Moves.Select(move => move.GuestId).Concat(plan.Stuck.Select(guest => guest.GuestId)).Concat(plan.SkippedGuestIds);
        Assert.Empty(meant.Except(told));
        Assert.All(plan.Stuck, guest => Assert.NotEmpty(guest.Message));
        Assert.True(drawn.Terms.MaxHostsOut > 0 || plan.Moves.Select(move => move.GuestId).Distinct().Count() == plan.Moves.Count);
        Assert.All(plan.Moves, move => Assert.NotEqual(move.SourceHostId, move.TargetHostId));
    });

    [Fact]
    public void Plan_SameFactsInAnyOrder_SamePlan() => Check(drawn =>
    {
        var fleet = drawn.Facts.Fleet;
        var turned = drawn.Facts with
        {
            Guests = [.. drawn.Facts.Guests.Reverse()],
            Fleet = fleet with { Hosts = [.. fleet.Hosts.Reverse()], Guests = [.. fleet.Guests.Reverse()] },
        };
        Assert.Equal(Text(Plan(drawn)), Text(EvacuationPlanner.Plan(drawn.Terms, turned, DrawnFleet.Now)));
    });

    [Fact]
    public void Plan_AllAtOnce_NeverBeyondCapacityOrAgainstTheRules() => Check(drawn =>
    {
        var facts = drawn.Facts;
        var plan = AllAtOnce(drawn);
        var guests = facts.Guests.ToDictionary(guest => guest.GuestId);
        foreach (var host in facts.Fleet.Hosts)
        {
            var come = plan.Moves.Where(move => move.TargetHostId == host.HostId).Select(move => guests[move.GuestId]).ToList();
            Assert.True(come.Count == 0 || come.Sum(guest => guest.Memory.Bytes) <= FreeMemory(facts, host));
            Assert.True(come.Count == 0 || come.Sum(guest => guest.Placement.Guest.Vcpus) <= FreeVcpus(facts, host));
            Assert.True(come.Count == 0 || (IsOpen(host) && !drawn.Terms.HostIds.Contains(host.HostId)));
            Assert.All(come, guest => Assert.False(IsRefused(guest, host)));
        }

        Assert.All(plan.Moves, move => Assert.Equal(
            HostCondition.Connected, facts.Fleet.Hosts.Single(host => host.HostId == move.SourceHostId).Condition));
        Assert.All(plan.Moves, move => Assert.Equal(
            drawn.Terms.Of(move.GuestId).TargetHostId ?? move.TargetHostId, move.TargetHostId));
    });

    [Fact]
    public void Plan_AllAtOnce_HardAntiAffinityIsKeptAtEveryMoment() => Check(drawn =>
    {
        var plan = AllAtOnce(drawn);
        foreach (var now in plan.Moves.SelectMany(move => new[] { move.StartsAfter, move.EndsAfter }).Distinct())
        {
            AssertApart(drawn.Facts, guest => Places(plan, guest, now));
        }
    });

    [Fact]
    public void Plan_AllAtOnce_LimitsAreKeptAtEveryMoment() => Check(drawn =>
    {
        var (facts, run) = Run(drawn);
        var moves = run.Timeline.Where(entry => entry.Move.Wish.Treatment is GuestTreatment.Migrate).ToList();
        var foreign = facts.Foreign.Count;
        foreach (var moment in moves.SelectMany(entry => new[] { entry.Start, entry.Transfers }).Select(moment => moment + 1e-7).Distinct())
        {
            var sending = moves.Where(entry => entry.Transfers <= moment && moment < entry.End - 1e-6).Select(entry => entry.Move).ToList();
            var preparing = moves.Where(entry => entry.Start <= moment && moment < entry.Transfers - 1e-6).Select(entry => entry.Move).ToList();
            var limits = facts.Limits;
            Assert.True(sending.Count <= limits.Transferring);
            Assert.True(preparing.Count <= limits.Preparing);
            Assert.All(sending.GroupBy(move => move.Source), group => Assert.True(group.Count() <= limits.TransferringPerSource));
            Assert.All(sending.GroupBy(move => move.Target), group => Assert.True(group.Count() <= limits.TransferringPerTarget));
            Assert.All(preparing.GroupBy(move => move.Target), group => Assert.True(group.Count() <= limits.PreparingPerTarget));
        }
    });

    [Fact]
    public void Plan_AllAtOnce_StuckGuestsHaveNoHostLeft() => Check(drawn =>
    {
        var plan = AllAtOnce(drawn);
        var facts = drawn.Facts;
        var guests = facts.Guests.ToDictionary(guest => guest.GuestId);
        foreach (var stuck in plan.Stuck.Select(stuck => guests[stuck.GuestId]))
        {
            foreach (var host in facts.Fleet.Hosts.Where(host => host.HostId != stuck.HostId && IsOpen(host) && !drawn.Terms.HostIds.Contains(host.HostId)))
            {
                var come = plan.Moves.Where(move => move.TargetHostId == host.HostId).Select(move => guests[move.GuestId]).ToList();
                Assert.True(
                    IsRefused(stuck, host)
                    || (drawn.Terms.Of(stuck.GuestId).TargetHostId ?? host.HostId) != host.HostId
                    || facts.Fleet.Hosts.Single(source => source.HostId == stuck.HostId).Condition is not HostCondition.Connected
                    || FreeMemory(facts, host) - come.Sum(guest => guest.Memory.Bytes) < stuck.Memory.Bytes
                    || FreeVcpus(facts, host) - come.Sum(guest => guest.Placement.Guest.Vcpus) < stuck.Placement.Guest.Vcpus
                    || IsForbidden(facts, plan, stuck, host),
                    $"{stuck.GuestId} fits on {host.HostId}");
            }
        }
    });

    [Fact]
    public void Plan_AllAtOnce_NoFasterThanTheBoundAndLateOnesAreNamed() => Check(drawn =>
    {
        var plan = AllAtOnce(drawn);
        Assert.True(plan.Total >= plan.BandwidthBound - TimeSpan.FromMilliseconds(1), $"{plan.Total} < {plan.BandwidthBound}");
        var late = plan.Moves.Where(move => DrawnFleet.Now + move.EndsAfter > drawn.Terms.Deadline).Select(move => move.GuestId)
            .Concat(plan.Stuck.Select(stuck => stuck.GuestId)).Order(StringComparer.Ordinal);
        Assert.Equal(late, plan.LateGuestIds);
    });

    [Fact]
    public void Plan_WavesOverlap() => Check(drawn =>
    {
        var plan = Plan(drawn);
        Assert.Equal(plan.Moves.Select(move => move.Wave).DefaultIfEmpty(0).Max(), plan.Waves);
        Assert.All(plan.Moves.GroupBy(move => move.Wave), wave =>
            Assert.True(wave.Max(move => move.StartsAfter) < wave.Min(move => move.EndsAfter)));
    });

    private static void Check(Action<DrawnFleet> property) => Prop.ForAll(Arb.From(DrawnFleet.Fleets), property).Check(s_config);

    private static EvacuationPlan Plan(DrawnFleet drawn) => EvacuationPlanner.Plan(drawn.Terms, drawn.Facts, DrawnFleet.Now);

    private static EvacuationPlan AllAtOnce(DrawnFleet drawn) =>
        EvacuationPlanner.Plan(drawn.Terms with { MaxHostsOut = 0 }, drawn.Facts, DrawnFleet.Now);

    private static (FleetFacts Facts, VirtualRun Run) Run(DrawnFleet drawn)
    {
        var facts = drawn.Facts.Emptying(host => drawn.Terms.HostIds.Contains(host));
        var wishes = facts.Guests
            .Where(guest => drawn.Terms.HostIds.Contains(guest.HostId) && drawn.Terms.Of(guest.GuestId).Treatment is not GuestTreatment.Skip)
            .Select(guest => EvacuationPlanner.Wish(drawn.Terms, guest)).ToList();
        var run = new VirtualRun(facts, TargetAssignment.Of(facts, wishes, []).Moves, []);
        run.Run();
        return (facts, run);
    }

    private static string[] Places(EvacuationPlan plan, FleetGuest guest, TimeSpan now) =>
        guest.HostId is not { } here ? []
        : plan.Moves.SingleOrDefault(move => move.GuestId == guest.GuestId) is not { } move ? [here]
        : now < move.StartsAfter ? [move.SourceHostId]
        : now < move.EndsAfter ? [move.SourceHostId, move.TargetHostId]
        : [move.TargetHostId];

    private static bool IsOpen(FleetHost host) => host is { Cordoned: false, Condition: HostCondition.Connected };

    private static bool IsRefused(GuestFacts guest, FleetHost host) =>
        guest.Placement.Guest.Placement.HostSelector.Any(selector => selector.Values.Contains(host.HostId));

    private static long FreeMemory(FleetFacts facts, FleetHost host) =>
        host.MemoryAllocatable.Bytes - facts.Fleet.Guests.Where(guest => guest.HostId == host.HostId).Sum(guest => guest.Memory.Bytes);

    private static int FreeVcpus(FleetFacts facts, FleetHost host) =>
        host.VcpusAllocatable - facts.Fleet.Guests.Where(guest => guest.HostId == host.HostId).Sum(guest => guest.Vcpus);

    private static void AssertApart(FleetFacts facts, Func<FleetGuest, string[]> places)
    {
        foreach (var guest in facts.Fleet.Guests)
        {
            foreach (var wish in guest.Placement.Affinity.Where(wish => wish is { Anti: true, Required: true }))
            {
                foreach (var other in facts.Fleet.Guests.Where(other => other != guest && Matches(other, wish)))
                {
                    // What was together before anything moved is not the plan's doing.
                    var before = guest.HostId is { } here && other.HostId is { } there && SamePlace(facts, here, there, wish.TopologyKey);
                    Assert.True(before || !(
                        from one in places(guest)
                        from two in places(other)
                        select SamePlace(facts, one, two, wish.TopologyKey)).Any(same => same));
                }
            }
        }
    }

    private static bool IsForbidden(FleetFacts facts, EvacuationPlan plan, GuestFacts stuck, FleetHost host)
    {
        var others = facts.Fleet.Guests.Where(other => other.GuestId != stuck.GuestId && other.HostId is not null).ToList();
        var guest = stuck.Placement.Guest;
        var forbids = others.Any(other =>
            guest.Placement.Affinity.Any(wish => wish is { Anti: true, Required: true } && Matches(other, wish) && Near(AllPlaces(plan, other), wish))
            || other.Placement.Affinity.Any(wish => wish is { Anti: true, Required: true } && Matches(guest, wish) && Near(AllPlaces(plan, other), wish)));
        return forbids || guest.Placement.Affinity.Any(wish => wish is { Anti: false, Required: true }
            && others.Any(other => Matches(other, wish))
            && !others.Any(other => Matches(other, wish) && Near([AllPlaces(plan, other).First()], wish)));

        bool Near(IEnumerable<string> places, AffinityTerm wish) => places.Any(place => SamePlace(facts, place, host.HostId, wish.TopologyKey));
    }

    // Where it goes, then where it is.
    private static IEnumerable<string> AllPlaces(EvacuationPlan plan, FleetGuest guest) =>
        plan.Moves.Where(move => move.GuestId == guest.GuestId).Select(move => move.TargetHostId).Append(guest.HostId!);

    private static bool Matches(FleetGuest guest, AffinityTerm wish) =>
        wish.GuestLabels.All(label => guest.Labels.TryGetValue(label.Key, out var value) && value == label.Value);

    private static bool SamePlace(FleetFacts facts, string one, string two, string key)
    {
        var (first, second) = (facts.Fleet.Hosts.Single(host => host.HostId == one), facts.Fleet.Hosts.Single(host => host.HostId == two));
        return one == two || (key.Length > 0 && first.Labels.TryGetValue(key, out var place) && second.Labels.TryGetValue(key, out var other) && place == other);
    }

    private static string Text(EvacuationPlan plan) => JsonSerializer.Serialize(plan);
}
