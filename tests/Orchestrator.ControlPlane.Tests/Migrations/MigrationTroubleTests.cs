using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.TestPostgres;
using Orchestrator.V1;
using FailureReason = Orchestrator.Policy.Lifecycle.FailureReason;
using Kind = Orchestrator.Policy.Lifecycle.AgentCommandKind;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>Agents that go away, answers that do not come, control planes that restart.</summary>
public sealed class MigrationTroubleTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private Fleet _fleet = null!;

    public async Task InitializeAsync() =>
        _fleet = await new Fleet(postgres.DataSource, wishWithin: TimeSpan.FromSeconds(1)).StartAsync();

    public Task DisposeAsync() => _fleet.DisposeAsync().AsTask();

    [Fact]
    public async Task CommandWithoutAnswer_IsSentAgainUnderItsNumber()
    {
        var move = await _fleet.AddGuestAsync();
        await move.StartAsync();
        var first = await move.Target.NextAsync(Kind.PrepareTarget);
        first.Fail(StatusCode.Unavailable);
        var second = await _fleet.WhileTimePassesAsync(move.Target.NextAsync(Kind.PrepareTarget), TimeSpan.FromMilliseconds(100));
        second.Fail(StatusCode.DeadlineExceeded);
        var third = await _fleet.WhileTimePassesAsync(move.Target.NextAsync(Kind.PrepareTarget), TimeSpan.FromMilliseconds(100));

        Assert.Equal(first.Request, second.Request);
        Assert.Equal(first.Request, third.Request);
        third.Done(move.TargetReport(SessionState.Listening), "tcp:127.0.0.2:1");
        await move.Source.NextAsync(Kind.StartSource);
    }

    [Fact]
    public async Task SourceAgentAwayWhileCopying_TheCopyGoesOnAndIsPickedUp()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        Away(move.SourceHost);
        _fleet.Clock.Advance(TimeSpan.FromHours(3));
        await move.ReadAsync(move.Copying(0.6));
        Assert.Equal(LifecyclePhase.Copying, (await move.FindAsync()).Phase);

        Back(move.SourceHost, "agent-2");
        move.SourceSays(move.Completed());
        (await move.Target.NextAsync(Kind.HandOverTarget)).Done(move.Arrived());
        (await move.Source.NextAsync(Kind.FinishSource)).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();
        await move.ReachAsync(LifecyclePhase.Completed);
    }

    [Fact]
    public async Task TargetAwayWhenItsWordIsNeeded_NeedsAttentionAndGoesOnByItself()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        Away(move.TargetHost);
        move.SourceSays(move.Completed());
        await move.ReachAsync(LifecyclePhase.Verifying);
        var attention = await move.ReachWhileTimePassesAsync(LifecyclePhase.NeedsAttention);
        Assert.Equal(FailureReason.AgentLost, attention.Attention?.Reason);
        Assert.DoesNotContain(move.Source.Seen, request => request.FinishSource is not null);
        Assert.Equal(WishOutcome.PastPointOfNoReturn, (await move.CancelAsync())?.Outcome);

        // The agents had handed over among themselves.
        move.Target.Say(move.Arrived());
        Back(move.TargetHost, "agent-2");
        (await _fleet.WhileTimePassesAsync(move.Target.NextAsync(Kind.HandOverTarget), TimeSpan.FromSeconds(1))).Done(move.Arrived());
        (await _fleet.WhileTimePassesAsync(move.Source.NextAsync(Kind.FinishSource), TimeSpan.FromSeconds(1))).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();
        var migration = await move.ReachAsync(LifecyclePhase.Completed);
        Assert.Equal("NeedsAttention, Verifying, Completed", string.Join(", ", (await move.StoryAsync()).TakeLast(3)));
        Assert.Equal(move.TargetHost, (await _fleet.Guests.FindAsync(move.GuestId, CancellationToken.None))?.HostId);
        Assert.NotNull(migration.EndedAt);
    }

    [Fact]
    public async Task SourceAwayWhileCancelling_NeedsAttentionAndIsUndoneWhenItIsBack()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        Away(move.SourceHost);
        await move.CancelAsync();
        await move.ReachWhileTimePassesAsync(LifecyclePhase.NeedsAttention);
        Assert.DoesNotContain(move.Target.Seen, request => request.AbandonTarget is not null);

        Back(move.SourceHost, "agent-2");
        (await _fleet.WhileTimePassesAsync(move.Source.NextAsync(Kind.CancelSource), TimeSpan.FromSeconds(1))).Done(move.Undone());
        (await move.Target.NextAsync(Kind.AbandonTarget)).Done();
        (await move.Source.NextAsync(Kind.AbandonSource)).Done();
        await move.ReachAsync(LifecyclePhase.Failed);
    }

    [Fact]
    public async Task SourceSilentInTheSwitchOver_NeedsAttentionAndGoesOnByItself()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        move.SourceSays(move.SourceReport(SessionState.SwitchingOver, "device", RunState.FinishMigrate));
        await move.ReachAsync(LifecyclePhase.SwitchingOver);
        Away(move.SourceHost);
        await move.ReachWhileTimePassesAsync(LifecyclePhase.NeedsAttention);

        move.Source.Say(move.Completed());
        Back(move.SourceHost, "agent-2");
        (await _fleet.WhileTimePassesAsync(move.Target.NextAsync(Kind.HandOverTarget), TimeSpan.FromSeconds(1))).Done(move.Arrived());
        (await move.Source.NextAsync(Kind.FinishSource)).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();
        await move.ReachAsync(LifecyclePhase.Completed);
    }

    [Fact]
    public async Task SourceEngineDies_TheGuestIsCalledLostAndCrashed()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        move.SourceSays(move.SourceReport(SessionState.Ended, "", RunState.Gone, SessionOutcome.EngineLost));
        move.TargetSays(move.TargetReport(SessionState.Ended, RunState.Gone, SessionOutcome.Failed));
        (await move.Target.NextAsync(Kind.AbandonTarget)).Done();
        (await move.Source.NextAsync(Kind.AbandonSource)).Done();

        var migration = await move.ReachAsync(LifecyclePhase.Failed);
        Assert.Equal(FailureReason.GuestLost, migration.Ending?.Reason);
        Assert.Equal(ControlPlane.Guests.StoredGuestState.Crashed, (await _fleet.Guests.FindAsync(move.GuestId, CancellationToken.None))?.State);
    }

    [Fact]
    public async Task SourceHostDeclaredDead_TargetIsAbandoned_AndTheGuestCanStartElsewhere()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        move.TargetSays(move.TargetReport(SessionState.Listening));
        Away(move.SourceHost);
        Assert.Equal(LifecyclePhase.Copying, (await move.FindAsync()).Phase);

        Die(move.SourceHost);
        (await move.Target.NextAsync(Kind.AbandonTarget)).Done();

        var migration = await move.ReachAsync(LifecyclePhase.Failed);
        Assert.Equal(FailureReason.GuestLost, migration.Ending?.Reason);
        Assert.DoesNotContain(move.Source.Seen, request => request.AbandonSource is not null);
        var guest = await _fleet.Guests.FindAsync(move.GuestId, CancellationToken.None);
        Assert.Equal((ControlPlane.Guests.StoredGuestState.Crashed, move.SourceHost, null), (guest!.State, guest.HostId, guest.ActiveMigrationId));
    }

    [Fact]
    public async Task SourceHostDeclaredDead_AfterTheTargetHasAll_TheGuestGoesOnThere()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        Away(move.SourceHost);
        move.TargetSays(move.TargetReport(SessionState.Ended, RunState.Inmigrate, SessionOutcome.Completed));

        Die(move.SourceHost);
        (await move.Target.NextAsync(Kind.HandOverTarget)).Done(move.Arrived());
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();

        await move.ReachAsync(LifecyclePhase.Completed);
        Assert.Equal(move.TargetHost, (await _fleet.Guests.FindAsync(move.GuestId, CancellationToken.None))?.HostId);
    }

    [Fact]
    public async Task TargetHostDeclaredDead_TheGuestStaysOnTheSource()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        Away(move.TargetHost);

        Die(move.TargetHost);
        (await move.Source.NextAsync(Kind.CancelSource)).Done();
        move.SourceSays(move.Undone());
        (await move.Source.NextAsync(Kind.AbandonSource)).Done();

        var migration = await move.ReachAsync(LifecyclePhase.Failed);
        Assert.Equal(FailureReason.AgentLost, migration.Ending?.Reason);
        var guest = await _fleet.Guests.FindAsync(move.GuestId, CancellationToken.None);
        Assert.Equal((ControlPlane.Guests.StoredGuestState.Running, move.SourceHost), (guest!.State, guest.HostId));
    }

    [Fact]
    public async Task HostsReadmittedByAnotherReplica_WhatIsGivenToThem_IsNotEndedForTheirDeath()
    {
        var move = await _fleet.AddGuestAsync();
        foreach (var host in new[] { move.SourceHost, move.TargetHost })
        {
            (_fleet.Agents[host].IsDead, _fleet.Agents[host].ReadmittedElsewhere) = (true, true);
        }

        await move.CopyAsync();
        Assert.Equal(LifecyclePhase.Copying, (await move.FindAsync()).Phase);
    }

    [Fact]
    public async Task EpochRefusedByAnAgent_TheSupervisorStopsAndChangesNothingMore()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        await move.CancelAsync();
        var cancel = await move.Source.NextAsync(Kind.CancelSource);
        var taken = await GiveAwayAsync(move);
        cancel.Refuse("EPOCH_STALE");

        await Eventually.HoldsAsync(() => !_fleet.Supervisors.Supervises(move.Id));
        move.SourceSays(move.Undone());
        Assert.Equal(LifecyclePhase.Cancelling, (await move.FindAsync()).Phase);
        Assert.Equal(WishOutcome.CommanderSilent, (await move.CancelAsync())?.Outcome);
        Assert.Equal(taken, await move.FindAsync());
    }

    [Fact]
    public async Task EpochRaisedInTheLedger_TheSupervisorStopsAtItsNextWrite()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        var taken = await GiveAwayAsync(move);

        Assert.Equal(WishOutcome.NotAnswered, (await move.CancelAsync())?.Outcome);

        await Eventually.HoldsAsync(() => !_fleet.Supervisors.Supervises(move.Id));
        Assert.Equal(taken, await move.FindAsync());
        Assert.DoesNotContain(move.Source.Seen, request => request.CancelSource is not null);
    }

    [Theory]
    [InlineData(Kind.PrepareTarget)]
    [InlineData(Kind.StartSource)]
    [InlineData(Kind.AdjustSource)]
    [InlineData(Kind.HandOverTarget)]
    [InlineData(Kind.FinishSource)]
    [InlineData(Kind.FinishTarget)]
    public async Task RestartWithAPendingCommand_ItIsSentAgainUnderAHigherEpochAndNothingIsStartedOver(Kind pending)
    {
        var move = await _fleet.AddGuestAsync();
        ExecuteRequest? before = null;
        var restarted = false;

        Assert.Equal(ControlPlane.Migrations.Admission.AdmissionOutcome.Admitted, (await move.StartAsync()).Outcome);
        (await StepAsync(move.Target, Kind.PrepareTarget)).Done(move.TargetReport(SessionState.Listening), "tcp:127.0.0.2:1");
        (await StepAsync(move.Source, Kind.StartSource)).Done(move.Copying(0.4));
        await move.ReachAsync(LifecyclePhase.Copying);
        await move.ReadAsync(move.Copying(0.5));
        await move.ReadAsync(move.Copying(2));
        (await StepAsync(move.Source, Kind.AdjustSource)).Done();
        await move.DecidedAsync(1, DecisionOutcome.Applied);
        move.SourceSays(move.Completed());
        (await StepAsync(move.Target, Kind.HandOverTarget)).Done(move.Arrived());
        (await StepAsync(move.Source, Kind.FinishSource)).Done();
        (await StepAsync(move.Target, Kind.FinishTarget)).Done();

        await move.ReachAsync(LifecyclePhase.Completed);
        Assert.True(restarted);
        var sent = move.Source.Seen.Concat(move.Target.Seen).ToList();
        Assert.Equal(7, sent.Count);
        Assert.Equal(6, sent.Select(request => request.CommandId).Distinct().Count());
        Assert.Equal(
            ["Requested", "Queued", "Preparing", "Copying", "Verifying", "Completed"], await move.StoryAsync());

        async Task<PlayedCall> StepAsync(PlayedAgent agent, Kind kind)
        {
            var call = await agent.NextAsync(kind);
            if (kind != pending)
            {
                return call;
            }

            before = call.Request;
            await _fleet.DisposeAsync();
            _fleet = move.Fleet = await new Fleet(postgres.DataSource, _fleet.Agents, _fleet.Clock).StartAsync();
            restarted = true;
            var again = await agent.NextAsync(kind);
            Assert.Equal((before.CommandId, before.Epoch + 1), (again.Request.CommandId, again.Request.Epoch));
            before.Epoch = again.Request.Epoch;
            before.ReplicaId = again.Request.ReplicaId;
            Assert.Equal(before, again.Request);
            return again;
        }
    }

    [Fact]
    public async Task RestartWhileCopying_PolicyGoesOnWhereItStood()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        var raising = move.Copying(2);
        await move.ReadAsync(raising);
        (await move.Source.NextAsync(Kind.AdjustSource)).Done();
        await move.DecidedAsync(1, DecisionOutcome.Applied);
        await _fleet.DisposeAsync();
        _fleet = move.Fleet = await new Fleet(postgres.DataSource, _fleet.Agents, _fleet.Clock).StartAsync();

        // The stream brings the last report once more: it has been decided on already.
        move.SourceSays(raising);
        await move.ReadAsync(move.Copying(2.5));
        Assert.False(move.Source.HasNext);
        await move.ReadAsync(move.Copying(3.1));
        var second = await move.Source.NextAsync(Kind.AdjustSource);
        Assert.Equal(TimeSpan.FromMilliseconds(400), second.Request.AdjustSource.DowntimeLimit.ToTimeSpan());
        Assert.Equal(2UL, second.Request.Epoch);
    }

    [Fact]
    public async Task ReportsOldRepeatedAndOfOtherHosts_AreNotDecidedOn()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        var old = move.Copying(30);
        await move.ReadAsync(move.Copying(0.5));
        var raising = move.Copying(2);
        await move.ReadAsync(raising);
        (await move.Source.NextAsync(Kind.AdjustSource)).Done();
        await move.DecidedAsync(1, DecisionOutcome.Applied);

        move.SourceSays(old);
        move.SourceSays(raising);
        _fleet.Post.OnReports(move.TargetHost, [move.Copying(50)], _fleet.Clock.GetTimestamp());
        await move.ReadAsync(move.Copying(2.2));

        Assert.False(move.Source.HasNext);
        Assert.Single(await _fleet.History.ListDecisionsAsync(move.Id, 0, 10, CancellationToken.None));
    }

    /// <summary>Another replica, which nobody plays, takes it over.</summary>
    private async Task<ControlPlane.Migrations.Migration> GiveAwayAsync(Move move)
    {
        await _fleet.ExecuteAsync(
            "UPDATE migrations SET replica_id = @other, epoch = epoch + 1, revision = revision + 1 WHERE migration_id = @Id",
            new { other = Guid.NewGuid(), move.Id });
        return await move.FindAsync();
    }

    private void Away(string host)
    {
        _fleet.Agents[host].IsConnected = false;
        _fleet.Post.OnHostLost(host);
    }

    private void Die(string host)
    {
        _fleet.Agents[host].IsDead = true;
        _fleet.Post.OnHostLost(host);
    }

    private void Back(string host, string instanceId)
    {
        _fleet.Agents[host].IsConnected = true;
        _fleet.Post.OnHostConnected(host, instanceId);
    }
}
