using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Tests.Placement;

/// <summary>What must hold for every fleet and every row of requests that are placed one after the other.</summary>
public class PlacementPropertyTests
{
    private static readonly Config s_config = Drawing.Of(400);

    [Fact]
    public void Drawn_Fleets_MeetEveryObstacleAndFindHosts()
    {
        HashSet<Obstacle> met = [];
        var placed = 0;
        foreach (var drawn in DrawnFleet.Any.Sample(400))
        {
            Walk(drawn, (ledger, request, choice) =>
            {
                placed += choice.HostId is null ? 0 : 1;
                met.UnionWith(PlacementPolicy.Explain(ledger, request).SelectMany(verdict => verdict.Obstacles).Select(found => found.Obstacle));
            });
        }

        Assert.Equal(Enum.GetValues<Obstacle>().Order(), met.Order());
        Assert.True(placed > 400, $"placed {placed}");
    }

    [Fact]
    public void Choose_Anything_NeverBeyondCapacity() => Check(drawn => Walk(drawn, (ledger, request, choice) =>
    {
        if (choice.HostId is { } hostId)
        {
            var host = drawn.Snapshot.Hosts.Single(host => host.HostId == hostId);
            var (memory, vcpus) = Taken(ledger, drawn, hostId, request.Guest.GuestId);
            Assert.True(memory + request.Guest.Memory <= host.MemoryAllocatable);
            Assert.True(vcpus + request.Guest.Vcpus <= host.VcpusAllocatable);
        }
    }));

    [Fact]
    public void Choose_Anything_KeepsHardTerms() => Check(drawn => Walk(drawn, (ledger, request, choice) =>
    {
        if (choice.HostId is not { } hostId)
        {
            return;
        }

        var host = drawn.Snapshot.Hosts.Single(host => host.HostId == hostId);
        Assert.True(host is { Condition: HostCondition.Connected, Cordoned: false });
        Assert.NotEqual(Now(ledger, request.Guest).HostId, hostId);
        Assert.All(request.Guest.Placement.HostSelector, requirement => Assert.True(Matches(requirement, host)));
        Assert.DoesNotContain(request.RecentFailures, failure => failure.HostId == hostId && failure.Until > drawn.Snapshot.At);
        var others = Others(ledger, drawn, request.Guest.GuestId);
        foreach (var term in request.Guest.Placement.Affinity.Where(term => term.Required))
        {
            var meant = others.Where(other => Means(term, other)).ToList();
            Assert.True(
                term.Anti
                    ? !meant.Exists(other => InPlace(drawn, term, other.HostId, host) || InPlace(drawn, term, other.TargetHostId, host))
                    : meant.TrueForAll(other => (other.TargetHostId ?? other.HostId) is null)
                        || meant.Exists(other => InPlace(drawn, term, other.TargetHostId ?? other.HostId, host)));
        }

        // Those that keep away from this guest are left alone.
        Assert.DoesNotContain(others, other => other.Placement.Affinity.Any(term => term is { Required: true, Anti: true }
            && Means(term, request.Guest)
            && (InPlace(drawn, term, other.HostId, host) || InPlace(drawn, term, other.TargetHostId, host))));
    }));

    [Fact]
    public void ExplainAndChoose_Agree() => Check(drawn => Walk(drawn, (ledger, request, choice) =>
    {
        var verdicts = PlacementPolicy.Explain(ledger, request);
        Assert.Equal(drawn.Snapshot.Hosts.Select(host => host.HostId).Order(StringComparer.Ordinal), verdicts.Select(verdict => verdict.HostId).Order(StringComparer.Ordinal));
        Assert.Equal(verdicts[0].IsCandidate ? verdicts[0].HostId : null, choice.HostId);
        Assert.Equal(verdicts[0].Score, choice.Score);
        foreach (var verdict in verdicts)
        {
            Assert.Equal(verdict.Obstacles.Count == 0 ? null : verdict.Obstacles[0].Obstacle, PlacementPolicy.FirstObstacle(ledger, request, verdict.HostId));
            Assert.All(verdict.Obstacles, found => Assert.NotEmpty(found.Message));
            Assert.Equal(verdict.Score, verdict.Parts.Sum(part => part.Value * part.Weight), 1e-9);
            Assert.InRange(verdict.Score, 0, 1);
            Assert.All(verdict.Parts, part => Assert.InRange(part.Value, 0, 1));
        }

        Assert.Equal(verdicts.Count(verdict => !verdict.IsCandidate), choice.Tally.Counts.Sum(count => count.Hosts));
        Assert.Equal(drawn.Snapshot.Hosts.Count, choice.Tally.Hosts);
    }));

    [Fact]
    public void Choose_AnyOrderOfInput_SameAnswers() => Prop.ForAll(
        (from drawn in DrawnFleet.Any from seed in Gen.Choose(0, int.MaxValue) select (drawn, seed)).ToArbitrary(),
        given => Assert.Equal(Answers(given.drawn), Answers(given.drawn.Shuffled(given.seed)))).Check(s_config);

    [Fact]
    public void Choose_Admits_OnlyWhoIsAdmitted() => Check(drawn => Walk(drawn, (ledger, request, choice) =>
    {
        var without = PlacementPolicy.Choose(ledger, request, hostId => hostId != choice.HostId);
        Assert.True(without.HostId is null || without.HostId != choice.HostId);
        Assert.Equal(without.HostId is null && choice.HostId is not null ? 1 : 0, without.HostId is null ? without.Tally.HeldBack : 0);
    }));

    /// <summary>Whatever was played on a ledger, it is as if it had been built from where the guests are now.</summary>
    [Fact]
    public void Ledger_AfterAnything_IsLikeANewOne() => Prop.ForAll(
        (from drawn in DrawnFleet.Any from seed in Gen.Choose(0, int.MaxValue) select (drawn, seed)).ToArbitrary(),
        given =>
        {
            var ledger = FleetLedger.Of(given.drawn.Snapshot);
            Play(ledger, given.drawn, new Random(given.seed));
            var guests = Everybody(given.drawn).Select(ledger.Guest).OfType<FleetGuest>().ToList();
            var fresh = FleetLedger.Of(given.drawn.Snapshot with { Guests = guests });
            foreach (var host in given.drawn.Snapshot.Hosts)
            {
                Assert.Equal(fresh.Load(host.HostId), ledger.Load(host.HostId));
            }

            // Which of two devices somebody has may differ, and so what is left: not compared.
            foreach (var request in given.drawn.Requests.Where(request => request.Guest.Devices.Count == 0))
            {
                Assert.Equal(Text(PlacementPolicy.Explain(fresh, request)), Text(PlacementPolicy.Explain(ledger, request)));
            }
        }).Check(s_config);

    private static void Check(Action<DrawnFleet> holds) => Prop.ForAll(DrawnFleet.Any.ToArbitrary(), holds).Check(s_config);

    private static void Walk(DrawnFleet drawn, Action<FleetLedger, PlacementRequest, PlacementChoice> look)
    {
        var ledger = FleetLedger.Of(drawn.Snapshot);
        foreach (var request in drawn.Requests)
        {
            var choice = PlacementPolicy.Choose(ledger, request);
            look(ledger, request, choice);
            if (choice.HostId is { } hostId)
            {
                ledger.Reserve(request.Guest, hostId);
            }
        }
    }

    private static void Play(FleetLedger ledger, DrawnFleet drawn, Random random)
    {
        // Terms are asked about in between, so that counts made early have to be kept up to date.
        foreach (var request in drawn.Requests.Concat(drawn.Requests))
        {
            _ = PlacementPolicy.Choose(ledger, request);
            var hostId = drawn.Snapshot.Hosts[random.Next(drawn.Snapshot.Hosts.Count)].HostId;
            switch (random.Next(5))
            {
                case 0 or 1:
                    ledger.Reserve(request.Guest, hostId);
                    break;
                case 2:
                    ledger.Release(request.Guest.GuestId);
                    break;
                case 3:
                    ledger.Arrive(request.Guest.GuestId);
                    break;
                default:
                    ledger.Remove(request.Guest.GuestId);
                    break;
            }
        }
    }

    private static List<string> Answers(DrawnFleet drawn)
    {
        List<string> answers = [];
        Walk(drawn, (ledger, request, choice) =>
            answers.Add($"{choice.HostId} {choice.Score:R} {string.Join(',', choice.Tally.Counts)} {Text(PlacementPolicy.Explain(ledger, request))}"));
        return answers;
    }

    private static string Text(IReadOnlyList<Verdict> verdicts) => string.Join('\n', verdicts.Select(verdict =>
        $"{verdict.HostId} {verdict.Score:R} {string.Join(", ", verdict.Obstacles)} {string.Join(", ", verdict.Parts)}"));

    private static IEnumerable<string> Everybody(DrawnFleet drawn) =>
        drawn.Snapshot.Guests.Concat(drawn.Requests.Select(request => request.Guest)).Select(guest => guest.GuestId).Distinct();

    private static FleetGuest Now(FleetLedger ledger, FleetGuest guest) => ledger.Guest(guest.GuestId) ?? guest;

    private static List<FleetGuest> Others(FleetLedger ledger, DrawnFleet drawn, string without) =>
        [.. Everybody(drawn).Where(guestId => guestId != without).Select(ledger.Guest).OfType<FleetGuest>()];

    private static (DataSize Memory, int Vcpus) Taken(FleetLedger ledger, DrawnFleet drawn, string hostId, string without)
    {
        var there = Others(ledger, drawn, without)
            .SelectMany(guest => new[] { guest.HostId, guest.TargetHostId }.Where(place => place == hostId).Select(_ => guest)).ToList();
        return (new DataSize(there.Sum(guest => guest.Memory.Bytes)), there.Sum(guest => guest.Vcpus));
    }

    private static bool Matches(LabelRequirement requirement, FleetHost host)
    {
        var has = host.Labels.TryGetValue(requirement.Key, out var value);
        return requirement.Operator switch
        {
            LabelOperator.In => has && requirement.Values.Contains(value),
            LabelOperator.NotIn => !has || !requirement.Values.Contains(value),
            LabelOperator.Exists => has,
            LabelOperator.DoesNotExist => !has,
        };
    }

    private static bool Means(AffinityTerm term, FleetGuest guest) =>
        term.GuestLabels.All(label => guest.Labels.TryGetValue(label.Key, out var value) && value == label.Value);

    private static bool InPlace(DrawnFleet drawn, AffinityTerm term, string? otherId, FleetHost host)
    {
        if (otherId is null || otherId == host.HostId)
        {
            return otherId is not null;
        }

        var other = drawn.Snapshot.Hosts.Single(candidate => candidate.HostId == otherId);
        return term.TopologyKey.Length > 0
            && host.Labels.TryGetValue(term.TopologyKey, out var one) && other.Labels.TryGetValue(term.TopologyKey, out var two) && one == two;
    }
}
