using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Evacuation;

namespace Orchestrator.Policy.Tests.Evacuation;

/// <summary>What must hold for every fleet, possible or not. The plan is checked by rules of its own, not by the planner's.</summary>
public class PlannerPropertyTests
{
    private static readonly Config s_config = Config.QuickThrowOnFailure.WithMaxTest(500);

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
        var turned = drawn.Facts with { Guests = [.. drawn.Facts.Guests.Reverse()], Hosts = [.. drawn.Facts.Hosts.Reverse()] };
        Assert.Equal(Text(Plan(drawn)), Text(EvacuationPlanner.Plan(drawn.Terms, turned, DrawnFleet.Now)));
    });

    [Fact]
    public void Plan_AllAtOnce_NeverBeyondCapacityOrAgainstTheRules() => Check(drawn =>
    {
        var facts = drawn.Facts;
        var plan = AllAtOnce(drawn);
        var guests = facts.Guests.ToDictionary(guest => guest.GuestId);
        foreach (var host in facts.Hosts)
        {
            var come = plan.Moves.Where(move => move.TargetHostId == host.HostId).Select(move => guests[move.GuestId]).ToList();
            Assert.True(come.Sum(guest => guest.Memory.Bytes) <= host.FreeMemory.Bytes);
            Assert.True(come.Sum(guest => guest.Cpus) <= host.FreeCpus);
            Assert.True(come.Count == 0 || (host.Closed is null && !drawn.Terms.HostIds.Contains(host.HostId)));
            Assert.All(come, guest => Assert.False(guest.Refusals.ContainsKey(host.HostId)));
        }

        Assert.All(plan.Moves, move => Assert.True(facts.Hosts.Single(host => host.HostId == move.SourceHostId).Connected));
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
            foreach (var host in facts.Hosts.Where(host => host.HostId != stuck.HostId && host.Closed is null && !drawn.Terms.HostIds.Contains(host.HostId)))
            {
                var come = plan.Moves.Where(move => move.TargetHostId == host.HostId).Select(move => guests[move.GuestId]).ToList();
                Assert.True(
                    stuck.Refusals.ContainsKey(host.HostId)
                    || (drawn.Terms.Of(stuck.GuestId).TargetHostId ?? host.HostId) != host.HostId
                    || !facts.Hosts.Single(source => source.HostId == stuck.HostId).Connected
                    || host.FreeMemory.Bytes - come.Sum(guest => guest.Memory.Bytes) < stuck.Memory.Bytes
                    || host.FreeCpus - come.Sum(guest => guest.Cpus) < stuck.Cpus
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
        var facts = drawn.Facts with
        {
            Hosts = [.. drawn.Facts.Hosts.Select(host => drawn.Terms.HostIds.Contains(host.HostId) ? host with { Closed = "is being emptied" } : host)],
        };
        var wishes = facts.Guests
            .Where(guest => drawn.Terms.HostIds.Contains(guest.HostId) && drawn.Terms.Of(guest.GuestId).Treatment is not GuestTreatment.Skip)
            .Select(guest => EvacuationPlanner.Wish(drawn.Terms, guest)).ToList();
        var run = new VirtualRun(facts, TargetAssignment.Of(facts, wishes, []).Moves, []);
        run.Run();
        return (facts, run);
    }

    private static string[] Places(EvacuationPlan plan, GuestFacts guest, TimeSpan now) =>
        plan.Moves.SingleOrDefault(move => move.GuestId == guest.GuestId) is not { } move ? [guest.HostId]
        : now < move.StartsAfter ? [move.SourceHostId]
        : now < move.EndsAfter ? [move.SourceHostId, move.TargetHostId]
        : [move.TargetHostId];

    private static void AssertApart(FleetFacts facts, Func<GuestFacts, string[]> places)
    {
        foreach (var guest in facts.Guests)
        {
            foreach (var wish in guest.Neighbours.Where(wish => wish is { Anti: true, Required: true }))
            {
                foreach (var other in facts.Guests.Where(other => other != guest && Matches(other, wish)))
                {
                    // What was together before anything moved is not the plan's doing.
                    var before = SamePlace(facts, guest.HostId, other.HostId, wish.TopologyKey);
                    Assert.True(before || !(
                        from one in places(guest)
                        from two in places(other)
                        select SamePlace(facts, one, two, wish.TopologyKey)).Any(same => same));
                }
            }
        }
    }

    private static bool IsForbidden(FleetFacts facts, EvacuationPlan plan, GuestFacts stuck, HostFacts host)
    {
        var forbids = facts.Guests.Where(other => other != stuck).Any(other =>
            stuck.Neighbours.Any(wish => wish is { Anti: true, Required: true } && Matches(other, wish) && Near(other, wish))
            || other.Neighbours.Any(wish => wish is { Anti: true, Required: true } && Matches(stuck, wish) && Near(other, wish)));
        return forbids || stuck.Neighbours.Any(wish => wish is { Anti: false, Required: true }
            && facts.Guests.Any(other => other != stuck && Matches(other, wish))
            && !facts.Guests.Any(other => other != stuck && Matches(other, wish) && Near(other, wish)));

        bool Near(GuestFacts other, Neighbourhood wish) =>
            AllPlaces(plan, other).Any(place => SamePlace(facts, place, host.HostId, wish.TopologyKey));
    }

    private static IEnumerable<string> AllPlaces(EvacuationPlan plan, GuestFacts guest) =>
        plan.Moves.Where(move => move.GuestId == guest.GuestId).Select(move => move.TargetHostId).Append(guest.HostId);

    private static bool Matches(GuestFacts guest, Neighbourhood wish) =>
        wish.GuestLabels.All(label => guest.Labels.TryGetValue(label.Key, out var value) && value == label.Value);

    private static bool SamePlace(FleetFacts facts, string one, string two, string key)
    {
        var (first, second) = (facts.Hosts.Single(host => host.HostId == one), facts.Hosts.Single(host => host.HostId == two));
        return one == two || (key.Length > 0 && first.Labels.TryGetValue(key, out var place) && second.Labels.TryGetValue(key, out var other) && place == other);
    }

    private static string Text(EvacuationPlan plan) => JsonSerializer.Serialize(plan);
}
