using Orchestrator.V1;
using Xunit.Abstractions;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios.Wide;

/// <summary>Hosts are emptied while parts of the fleet die, hosts are taken away and people change their minds.</summary>
[Collection(EvacuationFleetScenarios.Name)]
[Trait("Category", "Campaign")]
public class EvacuationScenarios(EvacuationFleet fleet, ITestOutputHelper output) : IAsyncLifetime
{
    private const string Home = "host-a";
    private const ulong Mebibyte = 1024 * 1024;
    private readonly List<Resident> _guests = [];

    public Task InitializeAsync() => fleet.SettleAsync();

    public async Task DisposeAsync()
    {
        foreach (var guest in _guests)
        {
            await guest.DisposeAsync();
        }

        foreach (var agent in fleet.Fleet.Agents)
        {
            await fleet.AskAsync((replica, options) => replica.Hosts.UncordonHostAsync(new UncordonHostRequest { HostId = agent.HostId }, options));
        }
    }

    [Fact]
    public async Task SixGuests_ControlPlaneKilledThreeTimes_AllMoveThatCan_AndTheOtherSaysWhyNot()
    {
        var ordinary = new[] { await GuestAsync(Slow.Load), await GuestAsync(Slow.Brief), await GuestAsync(Slow.Brief) };
        var restless = await GuestAsync(Slow.Load);
        var paused = await GuestAsync(Slow.Brief);
        await fleet.AskAsync((replica, options) => replica.Guests.PauseGuestAsync(new PauseGuestRequest { GuestId = paused.Id }, options));
        var large = await GuestAsync(Slow.Brief, definition => definition.Spec.MemoryBytes = 1024 * Mebibyte);
        var spec = await SpecAsync();

        // One does not converge under its own policy; whatever failed once is finished with post-copy.
        spec.Overrides.Add(new GuestOverride { GuestId = restless.Id, Policy = await PolicyAsync(new LadderStep { Abort = new Abort() }) });
        spec.RetryPolicies.Add(await PolicyAsync(new LadderStep { PostCopy = new PostCopy() }));

        var plan = (await fleet.AskAsync((replica, options) => replica.Evacuations.PlanEvacuationAsync(
            new PlanEvacuationRequest { Spec = spec }, options))).Plan;
        Assert.Equal([large.Id], plan.Stuck.Select(stuck => stuck.GuestId));
        Assert.Equal(5, plan.Moves.Count);
        Assert.False((await fleet.AwaitHostAsync(Home, _ => true)).Cordoned);

        var id = await StartAsync(spec);
        await KillConductorAsync();
        await fleet.AwaitEvacuationAsync(id, evacuation => Count(evacuation, EvacuationGuestState.Moved) >= 1);
        await Task.WhenAll(fleet.Servers.Select(replica => replica.Process.KillAsync()));
        await fleet.SettleAsync();
        await fleet.AwaitEvacuationAsync(id, evacuation => Count(evacuation, EvacuationGuestState.Moved) >= 3);
        await KillConductorAsync();

        var ended = await fleet.AwaitEvacuationEndAsync(id);
        Tell(ended);
        Assert.Equal(EvacuationState.Incomplete, ended.State);
        foreach (var guest in ordinary.Append(restless).Append(paused))
        {
            Assert.True(Of(ended, guest).State == EvacuationGuestState.Moved, $"{Of(ended, guest)}");
        }

        var stays = Of(ended, large);
        Assert.Equal((EvacuationGuestState.Stuck, 0U), (stays.State, stays.Attempts));
        Assert.Contains("host-b: needs 1 GiB", stays.Message, StringComparison.Ordinal);
        Assert.Contains("host-c: needs 1 GiB", stays.Message, StringComparison.Ordinal);
        Assert.True(Of(ended, restless).Attempts >= 2, $"{Of(ended, restless)}");
        var last = await fleet.AwaitEndAsync(Of(ended, restless).MigrationId);
        Assert.True(last.Summary.PostCopyUsed, $"{last}");
        Assert.Equal(GuestState.Paused, (await paused.GetAsync()).State);
        Assert.True((await fleet.AwaitHostAsync(Home, _ => true)).Cordoned);
        await AssertAftermathAsync(ended);
    }

    [Fact]
    public async Task TargetsAgentKilled_AndTheOtherTargetCordonedMidway_AllStillMove()
    {
        for (var number = 0; number < 4; number++)
        {
            await GuestAsync(Slow.Load);
        }

        var id = await StartAsync(await SpecAsync());
        var begun = await fleet.AwaitEvacuationAsync(id, evacuation => evacuation.Guests.Any(guest => guest.TargetHostId == "host-b")
            && evacuation.Guests.Any(guest => guest.TargetHostId == "host-c"));
        var before = begun.Guests.Where(guest => guest.TargetHostId == "host-c").Select(guest => guest.GuestId).ToHashSet();
        await fleet.AskAsync((replica, options) => replica.Hosts.CordonHostAsync(
            new CordonHostRequest { HostId = "host-c", Reason = "midway" }, options));
        using var patience = new CancellationTokenSource(ScenarioFleet.Bound);
        await fleet.Fleet.Agent("host-b").CrashAndRestartAsync(patience.Token);

        var ended = await fleet.AwaitEvacuationEndAsync(id);
        Tell(ended);
        Assert.Equal(EvacuationState.Completed, ended.State);
        Assert.All(ended.Guests, guest => Assert.Equal(EvacuationGuestState.Moved, guest.State));

        // What was on its way to the cordoned one may have arrived there; nothing was sent there afterwards.
        Assert.Empty(ended.Guests.Where(guest => guest.TargetHostId == "host-c").Select(guest => guest.GuestId).Except(before));
        await AssertAftermathAsync(ended);
    }

    [Fact]
    public async Task CancelledWithBringBack_EverythingIsAsItWas()
    {
        for (var number = 0; number < 2; number++)
        {
            await GuestAsync(Slow.Brief);
            await GuestAsync(Slow.Load);
        }

        var id = await StartAsync(await SpecAsync());
        await fleet.AwaitEvacuationAsync(id, evacuation => Count(evacuation, EvacuationGuestState.Moved) >= 1);
        await fleet.AskAsync((replica, options) => replica.Evacuations.CancelEvacuationAsync(
            new CancelEvacuationRequest { EvacuationId = id, Mode = EvacuationCancelMode.BringBack, Reason = "not today" }, options));
        await KillConductorAsync();

        var ended = await fleet.AwaitEvacuationEndAsync(id);
        Tell(ended);
        Assert.Equal((EvacuationState.Cancelled, EvacuationCancelMode.BringBack), (ended.State, ended.CancelMode));
        Assert.Contains(ended.Guests, guest => guest.State == EvacuationGuestState.Returned);
        Assert.False((await fleet.AwaitHostAsync(Home, _ => true)).Cordoned);
        foreach (var guest in _guests)
        {
            Assert.Equal(Home, (await guest.GetAsync()).HostId);
        }

        await AssertAftermathAsync(ended);
    }

    private static int Count(Evacuation evacuation, EvacuationGuestState state) => evacuation.Guests.Count(guest => guest.State == state);

    private static EvacuationGuest Of(Evacuation evacuation, Resident guest) => evacuation.Guests.Single(one => one.GuestId == guest.Id);

    /// <summary>Does that when the limit it began with has not sufficed for a while.</summary>
    private Task<string> PolicyAsync(LadderStep step)
    {
        var document = WhenStalled(step, 30);
        document.Bandwidth = new BandwidthTerms { MaxBytesPerSecond = 4 * Mebibyte };
        return fleet.PolicyAsync(document);
    }

    private async Task<EvacuationSpec> SpecAsync()
    {
        var document = Slow.Climbing();
        document.Bandwidth = new BandwidthTerms { MaxBytesPerSecond = 4 * Mebibyte };
        return new EvacuationSpec
        {
            HostIds = { Home },
            Policy = await fleet.PolicyAsync(document),
            Backoff = Seconds(1),
            MaxDowntime = Seconds(8),
            Reason = "new kernel",
        };
    }

    private async Task<string> StartAsync(EvacuationSpec spec)
    {
        var id = Guid.NewGuid().ToString();
        await fleet.AskAsync((replica, options) => replica.Evacuations.StartEvacuationAsync(
            new StartEvacuationRequest { EvacuationId = id, Spec = spec, RequestedBy = "scenario" }, options));
        return id;
    }

    private async Task<Resident> GuestAsync(Load load, Action<DefineGuestRequest>? terms = null)
    {
        var guest = await Resident.StartAsync(fleet, Home, load, terms);
        _guests.Add(guest);
        return guest;
    }

    /// <summary>SIGKILL to whichever replica commands an evacuation, and a new one in its place.</summary>
    private async Task KillConductorAsync()
    {
        var commands = await fleet.AwaitAsync(
            (replica, options) => replica.Replicas.ListReplicasAsync(new ListReplicasRequest(), options),
            answer => answer.Replicas.Any(replica => replica.Evacuations > 0));
        using var patience = new CancellationTokenSource(ScenarioFleet.Bound);
        foreach (var replica in commands.Replicas.Where(replica => replica.Evacuations > 0))
        {
            await (await fleet.ReplicaAsync(replica.ReplicaId)).CrashAndRestartAsync(patience.Token);
        }
    }

    private async Task AssertAftermathAsync(Evacuation ended)
    {
        Assert.All(ended.Guests, guest => Assert.NotEmpty(guest.Message));
        Assert.Null(ended.Eta);
        await Aftermath.AssertAsync(fleet, [.. _guests]);
        var left = await fleet.AskAsync((replica, options) => replica.Replicas.ListReplicasAsync(new ListReplicasRequest(), options));
        Assert.All(left.Replicas, replica => Assert.Equal(0U, replica.Evacuations));
        Assert.Empty((await fleet.AwaitHostAsync(Home, _ => true)).EvacuationId);
    }

    private void Tell(Evacuation evacuation)
    {
        output.WriteLine($"{evacuation.State} after {evacuation.EndedAt - evacuation.CreatedAt}, epoch {evacuation.Epoch}");
        foreach (var guest in evacuation.Guests)
        {
            output.WriteLine($"{guest.GuestId}: {guest.State} to {guest.TargetHostId}, {guest.Attempts} attempts: {guest.Message}");
        }
    }
}
