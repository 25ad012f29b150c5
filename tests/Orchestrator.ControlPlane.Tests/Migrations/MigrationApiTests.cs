using System.Collections.Concurrent;
using Grpc.Core;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using RetryInfo = Google.Rpc.RetryInfo;
using RunState = Orchestrator.Agent.V1.RunState;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>Every method of the migration API, against agents on real servers.</summary>
public sealed class MigrationApiTests(ControlPlaneFixture fleet) : IClassFixture<ControlPlaneFixture>
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task LifeOfAMigration()
    {
        await using var source = await fleet.AddHostAsync();
        await using var target = await fleet.AddHostAsync();
        var engines = new ScriptedEngines(source, target);
        var guestId = await StartGuestAsync(fleet, source);
        var start = await StartRequestAsync(fleet, guestId, target);

        var started = (await fleet.Migrations.StartMigrationAsync(start)).Migration;
        Assert.Equal((guestId, source.HostId, target.HostId), (started.GuestId, started.SourceHostId, started.TargetHostId));
        Assert.Equal(started.MigrationId, (await fleet.Migrations.StartMigrationAsync(start)).Migration.MigrationId);
        using var watch = fleet.Migrations.WatchMigration(new WatchMigrationRequest { MigrationId = started.MigrationId });
        using var watchAll = fleet.Migrations.WatchMigrations(
            new WatchMigrationsRequest { Filter = new MigrationFilter { HostId = target.HostId } });
        await ReachAsync(started.MigrationId, MigrationPhase.Copying);
        for (var step = 1; step <= 12; step++)
        {
            engines.Copy(step * 0.25);
            var sequence = (ulong)step + 1;
            await Eventually.HoldsAsync(async () => (await GetAsync(started.MigrationId)).LatestReading?.Sequence >= sequence);
        }

        await Eventually.HoldsAsync(async () => (await DecisionsAsync(started.MigrationId)).Any(decision => decision.Outcome == DecisionOutcome.Applied));
        engines.Complete();
        await ReachAsync(started.MigrationId, MigrationPhase.Completed);

        // Told from the first to the last, and then the stream ends by itself.
        var told = new List<MigrationHappening>();
        using var bound = new CancellationTokenSource(s_bound);
        while (await watch.ResponseStream.MoveNext(bound.Token))
        {
            told.Add(watch.ResponseStream.Current.Happening);
        }

        Assert.Equal(MigrationHappening.WhatOneofCase.Snapshot, told[0].WhatCase);
        Assert.Equal(MigrationPhase.Completed, told[^1].Snapshot.Phase);
        Assert.Contains(told, happening => happening.Reading is not null);
        Assert.Contains(told, happening => happening.Decision is { Outcome: DecisionOutcome.Intended });
        Assert.Contains(told, happening => happening.Decision is { Outcome: DecisionOutcome.Applied });
        Assert.Equal(
            [MigrationPhase.Verifying, MigrationPhase.Completed],
            told.Where(happening => happening.Transition is not null).Select(happening => happening.Transition.To).TakeLast(2));
        await NextAsync(watchAll.ResponseStream, happening => happening.Snapshot?.Phase == MigrationPhase.Completed);

        var all = await fleet.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = started.MigrationId });
        Assert.Equal((uint)all.Transitions.Count, all.Transitions[^1].Sequence);
        Assert.Equal((MigrationPhase.Unspecified, MigrationPhase.Requested), (all.Transitions[0].From, all.Transitions[0].To));
        Assert.NotNull(all.Migration.Summary.TotalTime);
        Assert.True(all.Migration.Summary.BytesTransferred > 0);
        Assert.True(all.Migration.LatestReading.Sequence >= 13);
        var guest = (await fleet.Guests.GetGuestAsync(new GetGuestRequest { GuestId = guestId })).Guest;
        Assert.Equal((target.HostId, ""), (guest.HostId, guest.ActiveMigrationId));

        await AssertPagesAsync(started.MigrationId);
        var replay = await fleet.Migrations.ReplayMigrationAsync(new ReplayMigrationRequest { MigrationId = started.MigrationId });
        Assert.False(replay.HasPartsAtStep, $"{replay}");
        Assert.Equal(await DecisionsAsync(started.MigrationId), replay.Steps.Select(step => step.Recorded));
        await Refused.WithAsync("MIGRATION_ENDED", StatusCode.FailedPrecondition, () => CancelAsync(started.MigrationId));
        Assert.Equal(
            ["PrepareTarget", "StartSource", "AdjustSource"], engines.Commands.Take(3));
        Assert.Equal(["HandOverTarget", "FinishSource", "FinishTarget"], engines.Commands.TakeLast(3));
    }

    [Fact]
    public async Task CancelAndAdjust_OverTheApi()
    {
        await using var source = await fleet.AddHostAsync();
        await using var target = await fleet.AddHostAsync();
        var engines = new ScriptedEngines(source, target);
        var start = await StartRequestAsync(fleet, await StartGuestAsync(fleet, source), target);
        await fleet.Migrations.StartMigrationAsync(start);
        await ReachAsync(start.MigrationId, MigrationPhase.Copying);
        engines.Copy(0.5);

        var raise = new AdjustMigrationRequest
        {
            MigrationId = start.MigrationId,
            RequestId = Guid.NewGuid().ToString(),
            RaiseLimit = Fleet.Seconds(0.35),
        };
        await fleet.Migrations.AdjustMigrationAsync(raise);
        await fleet.Migrations.AdjustMigrationAsync(raise);
        await Refused.WithAsync("LIMIT_ABOVE_BUDGET", StatusCode.FailedPrecondition, async () => await fleet.Migrations.AdjustMigrationAsync(
            new AdjustMigrationRequest(raise) { RequestId = Guid.NewGuid().ToString(), RaiseLimit = Fleet.Seconds(0.5) }));
        await Refused.WithAsync("POST_COPY_IMPOSSIBLE", StatusCode.FailedPrecondition, async () => await fleet.Migrations.AdjustMigrationAsync(
            new AdjustMigrationRequest(raise) { RequestId = Guid.NewGuid().ToString(), PostCopyNow = new PostCopyNow() }));
        await Refused.WithAsync("POLICY_UNKNOWN", StatusCode.NotFound, async () => await fleet.Migrations.AdjustMigrationAsync(
            new AdjustMigrationRequest(raise) { RequestId = Guid.NewGuid().ToString(), SwitchPolicy = new SwitchPolicy { Policy = "none" } }));
        var decision = Assert.Single(await DecisionsAsync(start.MigrationId));
        Assert.Equal((DecisionOrigin.Caller, Fleet.Seconds(0.35)), (decision.Origin, decision.DowntimeLimit));

        Assert.Equal(MigrationPhase.Cancelling, (await CancelAsync(start.MigrationId)).Migration.Phase);
        await ReachAsync(start.MigrationId, MigrationPhase.Cancelled);
    }

    [Fact]
    public async Task WhatIsNotThere_IsUnknownToEveryMethod()
    {
        var id = Guid.NewGuid().ToString();

        await UnknownAsync(async () => await fleet.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = id }));
        await UnknownAsync(() => CancelAsync(id));
        await UnknownAsync(async () => await fleet.Migrations.AdjustMigrationAsync(
            new AdjustMigrationRequest { MigrationId = id, RequestId = id, SetBandwidth = 1 }));
        await UnknownAsync(async () => await fleet.Migrations.ListDecisionsAsync(new ListDecisionsRequest { MigrationId = id }));
        await UnknownAsync(async () => await fleet.Migrations.ListReadingsAsync(new ListReadingsRequest { MigrationId = id }));
        await UnknownAsync(async () => await fleet.Migrations.ReplayMigrationAsync(new ReplayMigrationRequest { MigrationId = id }));
        await UnknownAsync(async () =>
        {
            using var watch = fleet.Migrations.WatchMigration(new WatchMigrationRequest { MigrationId = id });
            await watch.ResponseStream.MoveNext(CancellationToken.None);
        });

        Task UnknownAsync(Func<Task> call) => Refused.WithAsync("MIGRATION_UNKNOWN", StatusCode.NotFound, call);
    }

    [Fact]
    public async Task WhatIsNonsense_IsRefusedFieldByField()
    {
        await InvalidAsync(async () => await fleet.Migrations.StartMigrationAsync(new StartMigrationRequest()));
        await InvalidAsync(async () => await fleet.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = "x" }));
        await InvalidAsync(async () => await fleet.Migrations.ListMigrationsAsync(
            new ListMigrationsRequest { PageSize = 1001, PageToken = "!", Filter = new MigrationFilter { Phases = { (MigrationPhase)99 } } }));
        await InvalidAsync(async () => await fleet.Migrations.ListMigrationsAsync(new ListMigrationsRequest { PageToken = "eA" }));
        await InvalidAsync(async () => await fleet.Migrations.ListDecisionsAsync(
            new ListDecisionsRequest { MigrationId = Guid.NewGuid().ToString(), PageToken = "eA" }));
        await InvalidAsync(async () => await fleet.Migrations.ListReadingsAsync(
            new ListReadingsRequest { MigrationId = Guid.NewGuid().ToString(), PageSize = 5001 }));
        await InvalidAsync(async () => await fleet.Migrations.ReplayMigrationAsync(
            new ReplayMigrationRequest { MigrationId = Guid.NewGuid().ToString(), Document = new PolicyDocument() }));
        await InvalidAsync(async () => await fleet.Migrations.CancelMigrationAsync(
            new CancelMigrationRequest { MigrationId = Guid.NewGuid().ToString(), Reason = new string('x', 501) }));

        static async Task InvalidAsync(Func<Task> call) => Assert.Equal(
            StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(call)).StatusCode);
    }

    [Fact]
    public async Task GuestThatMigratesAlready_NamesTheMigration()
    {
        await using var source = await fleet.AddHostAsync();
        await using var target = await fleet.AddHostAsync();
        _ = new ScriptedEngines(source, target);
        var first = await StartRequestAsync(fleet, await StartGuestAsync(fleet, source), target);
        await fleet.Migrations.StartMigrationAsync(first);

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await fleet.Migrations.StartMigrationAsync(
            new StartMigrationRequest(first) { MigrationId = Guid.NewGuid().ToString() }));
        var why = Refusal.FindDetail<Google.Rpc.ErrorInfo>(refused);
        Assert.Equal(("GUEST_ALREADY_MIGRATING", first.MigrationId), (why?.Reason, why?.Metadata["active_migration_id"]));
        await Refused.WithAsync("MIGRATION_EXISTS", StatusCode.AlreadyExists, async () => await fleet.Migrations.StartMigrationAsync(
            new StartMigrationRequest(first) { RequestedBy = "somebody else" }));
    }

    [Fact]
    public async Task ServerGoesDown_WatchersAreToldToCallAgain_AndTheMigrationGoesOn()
    {
        var other = new ControlPlaneFixture();
        await other.InitializeAsync();
        await using var source = await other.AddHostAsync();
        await using var target = await other.AddHostAsync();
        var engines = new ScriptedEngines(source, target);
        var start = await StartRequestAsync(other, await StartGuestAsync(other, source), target);
        await other.Migrations.StartMigrationAsync(start);
        using var one = other.Migrations.WatchMigration(new WatchMigrationRequest { MigrationId = start.MigrationId });
        using var all = other.Migrations.WatchMigrations(new WatchMigrationsRequest());
        await NextAsync(one.ResponseStream, happening => happening.Snapshot?.Phase == MigrationPhase.Copying);
        await NextAsync(all.ResponseStream, happening => happening.Snapshot?.Phase == MigrationPhase.Copying);

        var down = other.StopAsync();
        foreach (var read in new Func<Task>[]
        {
            () => NextAsync(one.ResponseStream, _ => false),
            () => NextAsync(all.ResponseStream, _ => false),
        })
        {
            var refused = await Assert.ThrowsAsync<RpcException>(read);
            Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
            Assert.Equal("SHUTTING_DOWN", Refusal.FindDetail<Google.Rpc.ErrorInfo>(refused)?.Reason);
            Assert.NotNull(Refusal.FindDetail<RetryInfo>(refused)?.RetryDelay);
        }

        await down;
        Assert.DoesNotContain("CancelSource", engines.Commands);
        await other.DisposeAsync();
    }

    private async Task AssertPagesAsync(string migrationId)
    {
        var readings = new List<Reading>();
        var request = new ListReadingsRequest { MigrationId = migrationId, PageSize = 5 };
        await Eventually.HoldsAsync(async () =>
        {
            readings.Clear();
            request.PageToken = "";
            do
            {
                var page = await fleet.Migrations.ListReadingsAsync(request);
                readings.AddRange(page.Readings);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            return readings.Count >= 12;
        });
        Assert.Equal(readings.Select(reading => reading.Sequence).Distinct().Order(), readings.Select(reading => reading.Sequence));

        var seen = new ConcurrentBag<string>();
        var list = new ListMigrationsRequest { PageSize = 1, Filter = new MigrationFilter { Phases = { MigrationPhase.Completed } } };
        do
        {
            var page = await fleet.Migrations.ListMigrationsAsync(list);
            page.Migrations.ToList().ForEach(migration => seen.Add(migration.MigrationId));
            list.PageToken = page.NextPageToken;
        }
        while (list.PageToken.Length > 0);
        Assert.Contains(migrationId, seen);
    }

    private static async Task<string> StartGuestAsync(ControlPlaneFixture fleet, ScriptedAgent source)
    {
        var guestId = await fleet.DefineGuestAsync();
        await fleet.Guests.StartGuestAsync(new StartGuestRequest { GuestId = guestId, HostId = source.HostId });
        Assert.Equal(RunState.Running, source.Guests[guestId].RunState);
        return guestId;
    }

    private static async Task<StartMigrationRequest> StartRequestAsync(ControlPlaneFixture fleet, string guestId, ScriptedAgent target)
    {
        var policy = ControlPlaneFixture.NewId("policy");
        await fleet.Policies.CreatePolicyAsync(new CreatePolicyRequest { Name = policy, Document = Fleet.Doubling });
        return new StartMigrationRequest
        {
            MigrationId = Guid.NewGuid().ToString(),
            GuestId = guestId,
            TargetHostId = target.HostId,
            Policy = policy,
            RequestedBy = "a test",
        };
    }

    private static async Task<MigrationHappening> NextAsync<T>(IAsyncStreamReader<T> stream, Func<MigrationHappening, bool> wanted)
    {
        using var bound = new CancellationTokenSource(s_bound);
        while (await stream.MoveNext(bound.Token))
        {
            var happening = stream.Current switch
            {
                WatchMigrationResponse one => one.Happening,
                WatchMigrationsResponse all => all.Happening,
                _ => throw new InvalidOperationException(),
            };
            if (wanted(happening))
            {
                return happening;
            }
        }

        throw new InvalidOperationException("The stream ended.");
    }

    private async Task<Migration> GetAsync(string migrationId) =>
        (await fleet.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = migrationId })).Migration;

    private async Task<IReadOnlyList<Decision>> DecisionsAsync(string migrationId) =>
        (await fleet.Migrations.ListDecisionsAsync(new ListDecisionsRequest { MigrationId = migrationId })).Decisions;

    private async Task<CancelMigrationResponse> CancelAsync(string migrationId) =>
        await fleet.Migrations.CancelMigrationAsync(new CancelMigrationRequest { MigrationId = migrationId, Reason = "a test" });

    private Task ReachAsync(string migrationId, MigrationPhase phase) =>
        Eventually.HoldsAsync(async () => (await GetAsync(migrationId)).Phase == phase);
}
