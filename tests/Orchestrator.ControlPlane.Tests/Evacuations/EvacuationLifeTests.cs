using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Evacuations;

/// <summary>Evacuations from end to end through the API, with agents that do as they are told.</summary>
public sealed class EvacuationLifeTests(EvacuationFixture fixture) : IClassFixture<EvacuationFixture>, IAsyncLifetime
{
    private readonly Rack _rack = new(fixture.Fleet);

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _rack.ClearAsync();

    [Fact]
    public async Task Hosts_AreCordonedAndEmptied_AndTheEvacuationCompletes()
    {
        var host = await _rack.AddHostAsync();
        var targets = new[] { await _rack.AddHostAsync(), await _rack.AddHostAsync() };
        var guests = new List<string>();
        for (var guest = 0; guest < 5; guest++)
        {
            guests.Add(await _rack.AddGuestAsync(host));
        }

        var request = Rack.Request(host, spec => spec.Reason = "new memory");
        var plan = (await _rack.Evacuations.PlanEvacuationAsync(new PlanEvacuationRequest { Spec = request.Spec })).Plan;
        Assert.Equal(guests.Order(StringComparer.Ordinal), plan.Moves.Select(move => move.GuestId).Order(StringComparer.Ordinal));
        Assert.All(plan.Moves, move => Assert.Contains(move.TargetHostId, targets.Select(target => target.HostId)));
        Assert.False(await _rack.IsCordonedAsync(host));

        var started = (await _rack.Evacuations.StartEvacuationAsync(request)).Evacuation;
        Assert.Equal((EvacuationState.Running, "a test", 5), (started.State, started.RequestedBy, started.Plan.Moves.Count));
        Assert.Equal(started.EvacuationId, (await _rack.Evacuations.StartEvacuationAsync(request)).Evacuation.EvacuationId);
        var ended = await _rack.EndAsync(started.EvacuationId, EvacuationState.Completed);

        Assert.All(ended.Guests, guest => Assert.Equal((EvacuationGuestState.Moved, 1U), (guest.State, guest.Attempts)));
        Assert.Equal(guests.Order(StringComparer.Ordinal), ended.Guests.Select(guest => guest.GuestId));
        Assert.Equal((EvacuationHostState.Empty, false), (ended.Hosts[0].State, ended.Hosts[0].WasCordoned));
        Assert.True(await _rack.IsCordonedAsync(host));
        foreach (var guest in ended.Guests)
        {
            Assert.Equal(guest.TargetHostId, await _rack.HostOfAsync(guest.GuestId));
            var migration = (await fixture.Fleet.Migrations.GetMigrationAsync(
                new GetMigrationRequest { MigrationId = guest.MigrationId })).Migration;
            Assert.Equal(
                (MigrationPhase.Completed, started.EvacuationId, "evacuation"),
                (migration.Phase, migration.EvacuationId, migration.PriorityClass));
        }
    }

    [Fact]
    public async Task FailedGuest_BacksOff_AndGoesElsewhereUnderTheNextPolicy()
    {
        var host = await _rack.AddHostAsync();
        var targets = new[] { await _rack.AddHostAsync(), await _rack.AddHostAsync() };
        var guestId = await _rack.AddGuestAsync(host);
        await _rack.CordonAsync(targets[1]);
        _rack.Moves.Fails[$"{guestId} {targets[0].HostId}"] = true;
        var started = await _rack.StartAsync(host, spec => spec.RetryPolicies.Add("post-copy"));

        var backingOff = (await _rack.UntilAsync(started.EvacuationId, evacuation => Guest(evacuation, guestId).Attempts > 0
            && Guest(evacuation, guestId).State is EvacuationGuestState.BackingOff)).Guests[0];
        Assert.Contains("the engine did not start", backingOff.Message, StringComparison.Ordinal);
        Assert.True(backingOff.NextAttemptAt > backingOff.StateSince);
        await _rack.UncordonAsync(targets[1]);
        var ended = Guest(await _rack.EndAsync(started.EvacuationId, EvacuationState.Completed), guestId);

        Assert.Equal(targets[1].HostId, ended.TargetHostId);
        Assert.Equal("post-copy", (await MigrationAsync(ended.MigrationId)).Policy);
        Assert.Equal(targets[1].HostId, await _rack.HostOfAsync(guestId));

        // However it came about, one attempt did not follow the other on the same host at once.
        var tried = _rack.Moves.Prepared.Where(entry => entry.StartsWith(guestId, StringComparison.Ordinal)).ToList();
        Assert.Equal($"{guestId} {targets[0].HostId}", tried[0]);
        Assert.Equal($"{guestId} {targets[1].HostId}", tried[^1]);
    }

    [Fact]
    public async Task PoliciesOwnRetryTerms_CountWhereTheCallerHasNone()
    {
        var host = await _rack.AddHostAsync();
        var target = await _rack.AddHostAsync();
        var guestId = await _rack.AddGuestAsync(host);
        _rack.Moves.Fails[$"{guestId} {target.HostId}"] = true;
        var (first, next) = (ControlPlaneFixture.NewId("policy"), ControlPlaneFixture.NewId("policy"));
        await fixture.Fleet.Policies.CreatePolicyAsync(new CreatePolicyRequest { Name = next, Document = Migrations.Fleet.Doubling });
        await fixture.Fleet.Policies.CreatePolicyAsync(new CreatePolicyRequest
        {
            Name = first,
            Document = new PolicyDocument(Migrations.Fleet.Doubling)
            {
                Retry = new RetryTerms { Attempts = 2, Backoff = Migrations.Fleet.Seconds(1), NextPolicy = next },
            },
        });
        var request = Rack.Request(host, spec => (spec.Policy, spec.Backoff) = (first, null));
        await _rack.Evacuations.StartEvacuationAsync(request);

        var ended = Guest(await _rack.EndAsync(request.EvacuationId, EvacuationState.Incomplete), guestId);
        Assert.Equal((EvacuationGuestState.Failed, 2U), (ended.State, ended.Attempts));
        Assert.StartsWith("given up after 2 attempts; the last one: ", ended.Message, StringComparison.Ordinal);
        Assert.Equal(next, (await MigrationAsync(ended.MigrationId)).Policy);
    }

    [Fact]
    public async Task GuestThatNoHostTakes_BlocksNobody_AndTheEndSaysWhy()
    {
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        var stuck = await _rack.AddGuestAsync(host, define => define.Placement = new PlacementTerms
        {
            HostSelector = { new LabelRequirement { Key = "hall", Operator = LabelOperator.In, Values = { "nowhere" } } },
        });
        var others = new[] { await _rack.AddGuestAsync(host), await _rack.AddGuestAsync(host) };
        var started = await _rack.StartAsync(host);
        Assert.Contains("hall", Assert.Single(started.Plan.Stuck).Message, StringComparison.Ordinal);

        var ended = await _rack.EndAsync(started.EvacuationId, EvacuationState.Incomplete);
        Assert.All(others, other => Assert.Equal(EvacuationGuestState.Moved, Guest(ended, other).State));
        Assert.Equal((EvacuationGuestState.Stuck, 0U), (Guest(ended, stuck).State, Guest(ended, stuck).Attempts));
        Assert.Contains("label hall must be nowhere, it has none", Guest(ended, stuck).Message, StringComparison.Ordinal);
        Assert.Equal(EvacuationHostState.Emptying, ended.Hosts[0].State);
    }

    [Fact]
    public async Task Overrides_SkipRestartAndTarget_AreFollowed()
    {
        var host = await _rack.AddHostAsync();
        var targets = new[] { await _rack.AddHostAsync(), await _rack.AddHostAsync() };
        var (skipped, restarted, told) = (await _rack.AddGuestAsync(host), await _rack.AddGuestAsync(host), await _rack.AddGuestAsync(host));
        var started = await _rack.StartAsync(host, spec => spec.Overrides.Add(new[]
        {
            new GuestOverride { GuestId = skipped, Treatment = GuestTreatment.Skip },
            new GuestOverride { GuestId = restarted, Treatment = GuestTreatment.Restart, TargetHostId = targets[0].HostId },
            new GuestOverride { GuestId = told, TargetHostId = targets[1].HostId, MaxDowntime = Migrations.Fleet.Seconds(0.05) },
        }));

        var ended = await _rack.EndAsync(started.EvacuationId, EvacuationState.Completed);
        Assert.Equal(
            (EvacuationGuestState.Skipped, EvacuationGuestState.Moved, EvacuationGuestState.Moved),
            (Guest(ended, skipped).State, Guest(ended, restarted).State, Guest(ended, told).State));
        Assert.Equal(
            (host.HostId, targets[0].HostId, targets[1].HostId),
            (await _rack.HostOfAsync(skipped), await _rack.HostOfAsync(restarted), await _rack.HostOfAsync(told)));
        Assert.Contains($"stop {restarted}", host.Commands);
        Assert.Single(targets[0].Commands, command => command == $"start {restarted}");
        Assert.Equal("", Guest(ended, restarted).MigrationId);
        Assert.Equal(Migrations.Fleet.Seconds(0.05), (await MigrationAsync(Guest(ended, told).MigrationId)).MaxDowntime);
    }

    [Fact]
    public async Task GuestThatIsRestarted_WhoseNewHostFails_IsStartedOnAnother()
    {
        var host = await _rack.AddHostAsync();
        var targets = new[] { await _rack.AddHostAsync(), await _rack.AddHostAsync() };
        var guestId = await _rack.AddGuestAsync(host);
        var refused = 0;
        foreach (var target in targets)
        {
            target.OnStart = _ => Interlocked.Increment(ref refused) == 1
                ? throw ScriptedAgent.Refuse("ENGINE_REFUSED", "no room under the desk") : Task.CompletedTask;
        }

        var started = await _rack.StartAsync(
            host, spec => spec.Overrides.Add(new GuestOverride { GuestId = guestId, Treatment = GuestTreatment.Restart }));
        var ended = Guest(await _rack.EndAsync(started.EvacuationId, EvacuationState.Completed), guestId);
        Assert.Equal(2U, ended.Attempts);
        Assert.Equal(ended.TargetHostId, await _rack.HostOfAsync(guestId));
        var starts = targets.Select(target => target.Commands.Count(command => command == $"start {guestId}")).ToList();
        Assert.Equal([1, 1], starts);
    }

    [Fact]
    public async Task RollingMaintenance_OneHostOutAtATime_TheNextBeginsWhenOneIsGivenBack()
    {
        var hall = ControlPlaneFixture.NewId("hall");
        var hosts = new[] { await _rack.AddHostAsync(("hall", hall)), await _rack.AddHostAsync(("hall", hall)) };
        await _rack.AddHostAsync();
        foreach (var host in hosts)
        {
            await _rack.AddGuestAsync(host);
        }

        var request = Rack.Request(hosts[0], spec =>
        {
            spec.HostIds.Clear();
            spec.HostLabels["hall"] = hall;
            spec.MaxHostsOut = 1;
        });
        await _rack.Evacuations.StartEvacuationAsync(request);
        var first = await _rack.UntilAsync(
            request.EvacuationId, evacuation => evacuation.Hosts.Any(host => host.State is EvacuationHostState.Empty));
        Assert.Equal(hosts.Select(host => host.HostId).Order(StringComparer.Ordinal), first.Hosts.Select(host => host.HostId));
        Assert.Equal([EvacuationHostState.Empty, EvacuationHostState.Waiting], first.Hosts.Select(host => host.State));
        Assert.Equal(EvacuationState.Running, first.State);

        var (done, next) = (hosts.Single(host => host.HostId == first.Hosts[0].HostId), hosts.Single(host => host.HostId == first.Hosts[1].HostId));
        Assert.False(await _rack.IsCordonedAsync(next));
        await _rack.UncordonAsync(done);
        var ended = await _rack.EndAsync(request.EvacuationId, EvacuationState.Completed);
        Assert.Equal([EvacuationHostState.Returned, EvacuationHostState.Empty], ended.Hosts.Select(host => host.State));
        Assert.False(await _rack.IsCordonedAsync(done));
    }

    [Fact]
    public async Task HostThatIsRemovedWhenItIsEmpty_KeepsNoOtherFromItsTurn()
    {
        var hosts = new[] { await _rack.AddHostAsync(), await _rack.AddHostAsync() };
        await _rack.AddHostAsync();
        await _rack.AddGuestAsync(hosts[1]);
        var request = Rack.Request(hosts[0], spec =>
        {
            spec.HostIds.Add(hosts[1].HostId);
            spec.MaxHostsOut = 1;
        });
        await _rack.Evacuations.StartEvacuationAsync(request);
        await _rack.UntilAsync(request.EvacuationId, evacuation => evacuation.Hosts[0].State is EvacuationHostState.Empty);

        await _rack.RemoveAsync(hosts[0]);
        var ended = await _rack.EndAsync(request.EvacuationId, EvacuationState.Completed);
        Assert.Equal([EvacuationHostState.Returned, EvacuationHostState.Empty], ended.Hosts.Select(host => host.State));
    }

    [Fact]
    public async Task Notice_IsGivenForGuestsWithoutTermsOfTheirOwn()
    {
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        var plain = await _rack.AddGuestAsync(host);
        var own = await _rack.AddGuestAsync(host, define => define.Notice = new NoticeTerms { LeadTime = Migrations.Fleet.Seconds(0.2) });
        var started = await _rack.StartAsync(host, spec => spec.Notice = new NoticeTerms { LeadTime = Migrations.Fleet.Seconds(0.3) });

        await _rack.EndAsync(started.EvacuationId, EvacuationState.Completed);
        Assert.Equal((0.3, 0.2), (await LeadAsync(plain), await LeadAsync(own)));

        async Task<double> LeadAsync(string guestId) => Assert.Single((await fixture.Fleet.Notices.ListNoticesAsync(
            new ListNoticesRequest { Filter = new NoticeFilter { GuestId = guestId } })).Notices).Terms.LeadTime.ToTimeSpan().TotalSeconds;
    }

    [Fact]
    public async Task OwnersAreToldAllAtOnce_AndATargetThatIsCordonedMeanwhile_IsChosenAnew()
    {
        var host = await _rack.AddHostAsync();
        var first = await _rack.AddHostAsync();
        for (var guest = 0; guest < 8; guest++)
        {
            await _rack.AddGuestAsync(host, define => define.Spec.Vcpus = 1);
        }

        var started = await _rack.StartAsync(host, spec => spec.Notice = new NoticeTerms { LeadTime = Migrations.Fleet.Seconds(600) });
        await _rack.UntilAsync(started.EvacuationId, evacuation => evacuation.Guests.Count == 8
            && evacuation.Guests.All(guest => guest.State is EvacuationGuestState.Moving && guest.TargetHostId == first.HostId));
        var second = await _rack.AddHostAsync();
        await _rack.CordonAsync(first);
        var again = await _rack.UntilAsync(started.EvacuationId, evacuation =>
            evacuation.Guests.All(guest => guest.State is EvacuationGuestState.Moving && guest.TargetHostId == second.HostId));
        Assert.All(again.Guests, guest => Assert.Equal(2U, guest.Attempts));
        Assert.Empty(_rack.Moves.Prepared);

        await _rack.Evacuations.CancelEvacuationAsync(new CancelEvacuationRequest { EvacuationId = started.EvacuationId });
        await _rack.EndAsync(started.EvacuationId, EvacuationState.Cancelled);
    }

    [Fact]
    public async Task DeadlineThatWillNotBeKept_NamesTheGuests_AndStopsNothing()
    {
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        var guestId = await _rack.AddGuestAsync(host);
        _rack.Moves.Held[guestId] = true;
        var request = Rack.Request(host, spec => spec.Deadline =
            Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow().AddSeconds(1)));
        await _rack.Evacuations.StartEvacuationAsync(request);

        var late = await _rack.UntilAsync(request.EvacuationId, evacuation => evacuation.LateGuestIds.Contains(guestId));
        Assert.Equal(EvacuationState.Running, late.State);
        await Eventually.HoldsAsync(() => _rack.Moves.IsCopying(guestId));
        _rack.Moves.Release(guestId);
        await _rack.EndAsync(request.EvacuationId, EvacuationState.Completed);
    }

    private async Task<Migration> MigrationAsync(string migrationId) =>
        (await fixture.Fleet.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = migrationId })).Migration;

    private static EvacuationGuest Guest(Evacuation evacuation, string guestId) =>
        evacuation.Guests.FirstOrDefault(guest => guest.GuestId == guestId) ?? new EvacuationGuest();
}
