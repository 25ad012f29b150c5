using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.ControlPlane.Tests.Migrations;
using Orchestrator.TestPostgres;
using Orchestrator.V1;
using Kind = Orchestrator.Policy.Lifecycle.AgentCommandKind;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Tests.Queue;

/// <summary>Migrations on their way through both gates, with agents played by the test.</summary>
public sealed class QueueLifeTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private Fleet _fleet = null!;

    public async Task InitializeAsync()
    {
        _fleet = await new Fleet(postgres.DataSource).StartAsync();
        await SetLimitsAsync(_ => { });
    }

    public async Task DisposeAsync()
    {
        await _fleet.DisposeAsync();
        await _fleet.ExecuteAsync("DELETE FROM migration_slots", new { });
        await _fleet.ExecuteAsync("UPDATE guests SET active_migration_id = NULL, migration_target_host_id = NULL", new { });
        await _fleet.ExecuteAsync("UPDATE migrations SET phase = 'Cancelled', replica_id = NULL, ended_at = created_at WHERE ended_at IS NULL", new { });
    }

    [Fact]
    public async Task SlowPreparation_DoesNotHoldTheOnlyTransferSlot()
    {
        await SetLimitsAsync(One);
        var slow = await StartAsync();
        var fast = await StartAsync();
        var preparing = await slow.Target.NextAsync(Kind.PrepareTarget);
        await PrepareAsync(fast);

        (await fast.Source.NextAsync(Kind.StartSource)).Done(fast.SourceReport(SessionState.Opening, "setup", Agent.V1.RunState.Running));
        await fast.ReachAsync(LifecyclePhase.Copying);

        // Ready at last, it waits for the slot and says so; it gets it when the other one ends.
        preparing.Done(slow.TargetReport(SessionState.Listening), "tcp:127.0.0.2:2");
        await Eventually.HoldsAsync(async () => (await _fleet.Standings.ReadAsync(_fleet.Clock.GetUtcNow().AddTicks(1), CancellationToken.None))
            .Standings.TryGetValue(slow.Id, out var standing) && standing.Reasons[0].Cause is Policy.Admission.WaitCause.FleetLimit);
        Assert.Equal(LifecyclePhase.Preparing, (await slow.FindAsync()).Phase);
        Assert.False(slow.Source.HasNext);
        await CompleteAsync(fast);
        await slow.Source.NextAsync(Kind.StartSource);
    }

    [Fact]
    public async Task RaisedLimits_TakeEffectAtOnce_AndLoweredOnesStopNothing()
    {
        await SetLimitsAsync(One);
        var first = await StartAsync();
        var second = await StartAsync();
        await CopyAsync(first);
        await PrepareAsync(second);
        await SetLimitsAsync(limits =>
        {
            One(limits);
            limits.Transferring = 2;
        });
        (await second.Source.NextAsync(Kind.StartSource)).Done(second.SourceReport(SessionState.Opening, "setup", Agent.V1.RunState.Running));
        await second.ReachAsync(LifecyclePhase.Copying);

        await SetLimitsAsync(One);
        await CompleteAsync(second);
        await CompleteAsync(first);
    }

    [Fact]
    public async Task SharesOfALink_FollowWhoComesAndGoes_AndAreRecorded()
    {
        var source = await AddHostAsync(linkMebibytes: 1000);
        var first = await StartAsync(source);
        await CopyAsync(first);
        Assert.InRange(
            first.Source.Seen.Single(request => request.StartSource is not null).StartSource.MaxBytesPerSecond, (900UL << 20) - 10, 900UL << 20);

        // Both come to the same agent; which first is open.
        first.Source.Play = request => request.StartSource is not null ? new ExecuteResponse() : null;
        var second = await StartAsync(source);
        await PrepareAsync(second);
        var less = await first.Source.NextAsync(Kind.AdjustSource);
        Assert.InRange(less.Request.AdjustSource.MaxBytesPerSecond, (450UL << 20) - 10, 450UL << 20);
        less.Done();
        var decision = await first.DecidedAsync(1, DecisionOutcome.Applied);
        Assert.Equal(
            (DecisionAction.SetBandwidth, DecisionOrigin.Admission, "admission.share", less.Request.AdjustSource.MaxBytesPerSecond),
            (decision.Action, decision.Origin, decision.Rule, decision.BandwidthBytesPerSecond));
        Assert.Equal("the links are shared anew: it may take 450 MiB/s, it was 900 MiB/s", decision.Reason);

        // A caller's own cap below the share leaves the rest to the neighbour.
        var wish = first.AdjustAsync(new AdjustMigrationRequest { SetBandwidth = 100UL << 20 });
        var capped = await first.Source.NextAsync(Kind.AdjustSource);
        Assert.Equal(100UL << 20, capped.Request.AdjustSource.MaxBytesPerSecond);
        capped.Done();
        Assert.Equal(WishOutcome.Granted, (await wish).Answer?.Outcome);
    }

    [Theory]
    [InlineData(LifecyclePhase.Completed)]
    [InlineData(LifecyclePhase.Cancelled)]
    [InlineData(LifecyclePhase.Failed)]
    public async Task EveryEnd_ReleasesTheSlotAndTheRoom(LifecyclePhase end)
    {
        var move = await StartAsync();
        switch (end)
        {
            case LifecyclePhase.Completed:
                await CopyAsync(move);
                Assert.Equal(1L, await SlotsAsync(move));
                await CompleteAsync(move);
                break;
            case LifecyclePhase.Cancelled:
                var prepare = await move.Target.NextAsync(Kind.PrepareTarget);
                await move.CancelAsync();
                prepare.Done(listenUri: "tcp:127.0.0.2:1");
                (await move.Target.NextAsync(Kind.AbandonTarget)).Done();
                await move.ReachAsync(end);
                break;
            default:
                (await move.Target.NextAsync(Kind.PrepareTarget)).Refuse("ENGINE_REFUSED");
                Assert.Equal(1L, await SlotsAsync(move));
                (await move.Target.NextAsync(Kind.AbandonTarget)).Done();
                await move.ReachAsync(end);
                break;
        }

        Assert.Equal(0L, await SlotsAsync(move));
        Assert.Equal(
            0L,
            await _fleet.ScalarAsync<long>("SELECT count(*) FROM guests WHERE active_migration_id = @Id OR migration_target_host_id = @TargetHost", new { move.Id, move.TargetHost }));
    }

    [Fact]
    public async Task CancelInTheQueue_IsOverAtOnce()
    {
        await SetLimitsAsync(limits => (limits.Preparing, limits.PreparingPerTarget) = (1, 1));
        var first = await StartAsync();
        await first.Target.NextAsync(Kind.PrepareTarget);
        var waiting = await StartAsync();

        Assert.Equal(WishOutcome.NotCopying, (await waiting.AdjustAsync(new AdjustMigrationRequest { SetBandwidth = 5 })).Answer?.Outcome);
        var answer = await waiting.CancelAsync();
        Assert.Equal((WishOutcome.Granted, LifecyclePhase.Cancelled), (answer?.Outcome, answer?.Migration?.Phase));
        Assert.Equal(WishOutcome.Ended, (await waiting.CancelAsync())?.Outcome);
        Assert.Equal(["Requested", "Queued", "Cancelled"], await waiting.StoryAsync());
        Assert.Empty(waiting.Target.Seen);
    }

    [Fact]
    public async Task TargetLostWhileItWaitsPrepared_TheMigrationFails()
    {
        await SetLimitsAsync(One);
        await CopyAsync(await StartAsync());
        var waiting = await StartAsync();
        await PrepareAsync(waiting);
        waiting.TargetSays(waiting.TargetReport(SessionState.Ended, outcome: SessionOutcome.EngineLost));
        (await waiting.Target.NextAsync(Kind.AbandonTarget)).Done();

        Assert.Equal(Policy.Lifecycle.FailureReason.EngineFailed, (await waiting.ReachAsync(LifecyclePhase.Failed)).Ending?.Reason);
        Assert.Equal(0L, await SlotsAsync(waiting));
    }

    [Fact]
    public async Task RestartInTheMiddle_TheQueueAndThePreparedGoOn()
    {
        await SetLimitsAsync(limits =>
        {
            One(limits);
            (limits.Preparing, limits.PreparingPerTarget) = (1, 1);
        });
        var copying = await StartAsync();
        await CopyAsync(copying);
        var prepared = await StartAsync();
        await PrepareAsync(prepared);
        var queued = await StartAsync();
        await _fleet.DisposeAsync();
        Assert.Equal(
            [LifecyclePhase.Copying, LifecyclePhase.Preparing, LifecyclePhase.Queued],
            [(await copying.FindAsync()).Phase, (await prepared.FindAsync()).Phase, (await queued.FindAsync()).Phase]);
        Assert.Null((await queued.FindAsync()).ReplicaId);

        _fleet = await new Fleet(postgres.DataSource, _fleet.Agents, _fleet.Clock).StartAsync();
        copying.Fleet = prepared.Fleet = queued.Fleet = _fleet;
        await CompleteAsync(copying);
        (await prepared.Source.NextAsync(Kind.StartSource)).Done(prepared.SourceReport(SessionState.Opening, "setup", Agent.V1.RunState.Running));
        await queued.Target.NextAsync(Kind.PrepareTarget);
    }

    private static void One(AdmissionLimits limits) =>
        (limits.Transferring, limits.TransferringPerSource, limits.TransferringPerTarget) = (1, 1, 1);

    private async Task<Move> StartAsync(string? source = null)
    {
        source ??= await AddHostAsync(0);
        var move = new Move(_fleet, await _fleet.AddGuestOnAsync(source), source, await AddHostAsync(0));
        await move.StartAsync();
        return move;
    }

    private static async Task PrepareAsync(Move move) =>
        (await move.Target.NextAsync(Kind.PrepareTarget)).Done(move.TargetReport(SessionState.Listening), "tcp:127.0.0.2:49152");

    private static async Task CopyAsync(Move move)
    {
        await PrepareAsync(move);
        (await move.Source.NextAsync(Kind.StartSource)).Done(move.SourceReport(SessionState.Opening, "setup", Agent.V1.RunState.Running));
        await move.ReachAsync(LifecyclePhase.Copying);
    }

    private static async Task CompleteAsync(Move move)
    {
        move.SourceSays(move.Completed());
        (await move.Target.NextAsync(Kind.HandOverTarget)).Done(move.Arrived());
        (await move.Source.NextAsync(Kind.FinishSource)).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();
        await move.ReachAsync(LifecyclePhase.Completed);
    }

    private async Task<string> AddHostAsync(ulong linkMebibytes)
    {
        var host = $"host-{Guid.NewGuid():N}"[..20];
        var description = Fleet.Description(host);
        if (linkMebibytes > 0)
        {
            description.Links.Add(new NetworkLink { Name = "eth0", BytesPerSecond = linkMebibytes << 20, CarriesMigrations = true });
        }

        await _fleet.Hosts.RegisterAsync(
            new ControlPlane.Hosts.RegisteredHost(
                new ControlPlane.Hosts.AgentAddress(host, $"http://{host}:7444"), new Dictionary<string, string>(), false, "", _fleet.Clock.GetUtcNow(),
                _fleet.Clock.GetUtcNow(), description),
            CancellationToken.None);
        return host;
    }

    private Task<long> SlotsAsync(Move move) => _fleet.ScalarAsync<long>("SELECT count(*) FROM migration_slots WHERE migration_id = @Id", new { move.Id });

    /// <summary>As delivered, but for the change.</summary>
    private async Task SetLimitsAsync(Action<AdmissionLimits> change)
    {
        var limits = (await _fleet.Limits.ReadAsync(CancellationToken.None)).Message.Clone();
        (limits.Transferring, limits.TransferringPerSource, limits.TransferringPerTarget) = (2000, 4, 4);
        (limits.Preparing, limits.PreparingPerTarget) = (500, 4);
        change(limits);
        var result = await _fleet.Limits.UpdateAsync(limits, 0, "a test", _fleet.Clock.GetUtcNow(), CancellationToken.None);
        Assert.Empty(result.Violations);
    }
}
