using Orchestrator.ControlPlane.Migrations.Admission;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.TestPostgres;
using Orchestrator.V1;
using Kind = Orchestrator.Policy.Lifecycle.AgentCommandKind;

namespace Orchestrator.ControlPlane.Tests.Migrations;

public sealed class MigrationAdmissionTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private Fleet _fleet = null!;

    public async Task InitializeAsync() => _fleet = await new Fleet(postgres.DataSource).StartAsync();

    public Task DisposeAsync() => _fleet.DisposeAsync().AsTask();

    [Fact]
    public void TryParse_EverythingWrong_NamesEveryField()
    {
        var request = new StartMigrationRequest
        {
            MigrationId = "no-uuid",
            GuestId = "Not A Name",
            TargetHostId = "Not A Host",
            Policy = "UPPER",
            MaxDowntime = Fleet.Seconds(2001),
            Deadline = Fleet.Seconds(0.5),
            Mode = (MigrationMode)7,
            MaxBytesPerSecond = ulong.MaxValue,
            RequestedBy = new string('x', 501),
            PriorityClass = new string('x', 64),
            NotBefore = new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = long.MaxValue },
        };

        Assert.False(StartMigrationCommand.TryParse(request, TimeProvider.System.GetUtcNow(), out var command, out var violations));
        Assert.Null(command);
        Assert.Equal(
            ["deadline", "guest_id", "max_bytes_per_second", "max_downtime", "migration_id", "mode", "not_before", "policy", "priority_class",
                "requested_by", "target_host_id"],
            violations.Found.Select(violation => violation.Field).Order());
    }

    [Fact]
    public void TryParse_RevisionOfNoPolicy_IsRefused()
    {
        var request = new StartMigrationRequest
        {
            MigrationId = Guid.NewGuid().ToString(),
            GuestId = "g",
            TargetHostId = "h",
            PolicyRevision = 3,
        };

        Assert.False(StartMigrationCommand.TryParse(request, TimeProvider.System.GetUtcNow(), out _, out var violations));
        Assert.Equal("policy_revision", Assert.Single(violations.Found).Field);
    }

    [Fact]
    public async Task AdmitAsync_SameRequestAgain_IsTheSameMigrationWhateverBecameOfIt()
    {
        var move = await _fleet.AddGuestAsync();
        var policy = await _fleet.AddPolicyAsync(Fleet.Doubling);
        Assert.Equal(AdmissionOutcome.Admitted, (await AdmitAsync(move.Request(policy))).Outcome);

        Assert.Equal(AdmissionOutcome.AdmittedBefore, (await AdmitAsync(move.Request(policy))).Outcome);
        Assert.Equal(
            AdmissionOutcome.AdmittedBefore, (await AdmitAsync(move.Request(policy, request => request.Mode = MigrationMode.Live))).Outcome);
        Assert.Equal(
            AdmissionOutcome.Exists, (await AdmitAsync(move.Request(policy, request => request.MaxDowntime = Fleet.Seconds(0.2)))).Outcome);

        (await move.Target.NextAsync(Kind.PrepareTarget)).Refuse("ENGINE_REFUSED");
        (await move.Target.NextAsync(Kind.AbandonTarget)).Done();
        await move.ReachAsync(Policy.Lifecycle.MigrationPhase.Failed);
        var again = await AdmitAsync(move.Request(policy));
        Assert.Equal((AdmissionOutcome.AdmittedBefore, true), (again.Outcome, again.Migration!.HasEnded));
    }

    [Fact]
    public async Task AdmitAsync_TwoForOneGuestAtOnce_ExactlyOneIsAdmitted()
    {
        for (var round = 0; round < 10; round++)
        {
            var move = await _fleet.AddGuestAsync();
            var policy = await _fleet.AddPolicyAsync(Fleet.Doubling);
            var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ =>
                AdmitAsync(move.Request(policy, request => request.MigrationId = Guid.NewGuid().ToString()))));

            var admitted = Assert.Single(results, result => result.Outcome == AdmissionOutcome.Admitted);
            Assert.All(results.Where(result => result != admitted), result => Assert.Equal(
                (AdmissionOutcome.GuestAlreadyMigrating, admitted.Migration!.MigrationId), (result.Outcome, result.ActiveMigrationId)));
        }
    }

    [Fact]
    public async Task AdmitAsync_WhatCannotBe_IsRefusedByName()
    {
        var move = await _fleet.AddGuestAsync();
        var vfio = await _fleet.AddGuestAsync(vfio: true);
        var stopped = await _fleet.AddGuestAsync();
        var cordoned = await _fleet.AddGuestAsync();
        var policy = await _fleet.AddPolicyAsync(Fleet.Doubling);
        var postCopy = await _fleet.AddPolicyAsync(MigrationLifeTests.PostCopyAfter(seconds: 2));
        await _fleet.ExecuteAsync("UPDATE guests SET host_id = NULL, state = 'ShutOff' WHERE guest_id = @GuestId", stopped);
        await _fleet.Hosts.SetCordonAsync(cordoned.TargetHost, true, "", "test", CancellationToken.None);

        Assert.Equal(AdmissionOutcome.GuestUnknown, await RefusedAsync(move.Request(policy, request => request.GuestId = "nobody")));
        Assert.Equal(AdmissionOutcome.TargetUnknown, await RefusedAsync(move.Request(policy, request => request.TargetHostId = "nowhere")));
        Assert.Equal(AdmissionOutcome.PolicyUnknown, await RefusedAsync(move.Request("nothing")));
        Assert.Equal(AdmissionOutcome.PolicyUnknown, await RefusedAsync(move.Request(policy, request => request.PolicyRevision = 2)));
        Assert.Equal(AdmissionOutcome.TargetIsSource, await RefusedAsync(move.Request(policy, request => request.TargetHostId = move.SourceHost)));
        Assert.Equal(AdmissionOutcome.GuestNotRunning, await RefusedAsync(stopped.Request(policy)));
        Assert.Equal(AdmissionOutcome.TargetCordoned, await RefusedAsync(cordoned.Request(policy)));
        Assert.Equal(
            AdmissionOutcome.ClassUnknown, await RefusedAsync(move.Request(policy, request => request.PriorityClass = "no-such")));
        Assert.Equal(AdmissionOutcome.PostCopyImpossible, await RefusedAsync(vfio.Request(postCopy)));
        Assert.Equal(
            AdmissionOutcome.PostCopyImpossible, await RefusedAsync(move.Request(postCopy, request => request.Mode = MigrationMode.NonLive)));

        // A guest that cannot go to post-copy may have a policy that ends otherwise.
        Assert.Equal(AdmissionOutcome.Admitted, (await AdmitAsync(vfio.Request(policy))).Outcome);
        var prepare = await vfio.Target.NextAsync(Kind.PrepareTarget);
        Assert.False(prepare.Request.PrepareTarget.Terms.PostCopyPossible);
        Assert.True(prepare.Request.PrepareTarget.Terms.SwitchoverAck);
    }

    [Fact]
    public async Task AdmitAsync_BudgetIsTheSmallerOne_AndTheDefaultPolicyIsResolved()
    {
        var small = await _fleet.AddGuestAsync();
        var large = await _fleet.AddGuestAsync();
        var policy = await _fleet.AddPolicyAsync(Fleet.Doubling);

        var smaller = await AdmitAsync(small.Request(policy, request => request.MaxDowntime = Fleet.Seconds(0.15)));
        var larger = await AdmitAsync(large.Request("", request => request.MaxDowntime = Fleet.Seconds(2000)));

        Assert.Equal(TimeSpan.FromMilliseconds(150), smaller.Migration?.MaxDowntime);
        Assert.Equal(("predictive", 1), (larger.Migration?.Policy, larger.Migration?.PolicyRevision));
        Assert.True(larger.Migration?.MaxDowntime < TimeSpan.FromSeconds(2000));
    }

    [Fact]
    public async Task AdmitAsync_AdmittedAndForgotten_IsTakenUp()
    {
        // As after a crash between the row and the supervisor: nobody commands it, and the replica that lives takes it up.
        var move = await _fleet.AddGuestAsync();
        var request = move.Request(await _fleet.AddPolicyAsync(Fleet.Doubling));
        await using (var other = new Fleet(postgres.DataSource, _fleet.Agents, _fleet.Clock))
        {
            Assert.True(StartMigrationCommand.TryParse(request, TimeProvider.System.GetUtcNow(), out var command, out _));
            Assert.Equal(AdmissionOutcome.Admitted, (await other.Admission.AdmitAsync(command, CancellationToken.None)).Outcome);
        }

        Assert.Equal(AdmissionOutcome.AdmittedBefore, (await AdmitAsync(request)).Outcome);
        await move.Target.NextAsync(Kind.PrepareTarget);
    }

    [Fact]
    public void TryParse_AdjustWithoutAnything_NamesEveryField()
    {
        Assert.False(AdjustMigrationCommand.TryParse(new AdjustMigrationRequest(), out _, out var violations));
        Assert.Equal(["change", "migration_id", "request_id"], violations.Found.Select(violation => violation.Field).Order());

        var far = new AdjustMigrationRequest
        {
            MigrationId = Guid.NewGuid().ToString(),
            RequestId = Guid.NewGuid().ToString(),
            PauseNow = Fleet.Seconds(4000),
        };
        Assert.False(AdjustMigrationCommand.TryParse(far, out _, out var tooFar));
        Assert.Equal("pause_now", Assert.Single(tooFar.Found).Field);
    }

    private async Task<AdmissionOutcome> RefusedAsync(StartMigrationRequest request)
    {
        var result = await AdmitAsync(request);
        Assert.Null(result.Migration);
        Assert.Null(await _fleet.Migrations.FindAsync(Guid.Parse(request.MigrationId), CancellationToken.None));
        return result.Outcome;
    }

    private Task<AdmissionResult> AdmitAsync(StartMigrationRequest request)
    {
        Assert.True(StartMigrationCommand.TryParse(request, TimeProvider.System.GetUtcNow(), out var command, out var violations), string.Join("; ", violations.Found));
        return _fleet.Admission.AdmitAsync(command, CancellationToken.None);
    }
}
