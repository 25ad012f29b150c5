using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.ControlPlane.Tests.Migrations;
using Orchestrator.V1;
using RunState = Orchestrator.Agent.V1.RunState;

namespace Orchestrator.ControlPlane.Tests.Queue;

/// <summary>The admission API and what migrations tell of the queue, against agents on real servers.</summary>
public sealed class AdmissionApiTests(ControlPlaneFixture fleet) : IClassFixture<ControlPlaneFixture>
{
    private AdmissionService.AdmissionServiceClient Admission => new(fleet.Channel);

    [Fact]
    public async Task Limits_AreDeliveredAndChangedByRevision()
    {
        var delivered = await Admission.GetLimitsAsync(new GetLimitsRequest());
        Assert.Equal(
            ["system-critical", "evacuation", "user", "rebalancing"], delivered.Limits.Classes.Select(known => known.Name));

        var wanted = delivered.Limits.Clone();
        wanted.FailureMemory = TimeSpan.FromMinutes(11).ToDuration();
        var request = new UpdateLimitsRequest { Limits = wanted, ExpectedRevision = delivered.Revision, ChangedBy = "ops" };
        var updated = await Admission.UpdateLimitsAsync(request);
        Assert.Equal((delivered.Revision + 1, wanted), (updated.Revision, updated.Limits));

        // The repeat of a call whose answer was lost is no second change.
        Assert.Equal(updated.Revision, (await Admission.UpdateLimitsAsync(request)).Revision);
        var read = await Admission.GetLimitsAsync(new GetLimitsRequest());
        Assert.Equal((updated.Revision, "ops"), (read.Revision, read.ChangedBy));

        await Refused.WithAsync("LIMITS_STALE", StatusCode.Aborted, async () => await Admission.UpdateLimitsAsync(
            new UpdateLimitsRequest { Limits = delivered.Limits, ExpectedRevision = delivered.Revision }));
    }

    [Fact]
    public async Task UpdateLimits_Nonsense_IsRefusedFieldByField()
    {
        Assert.Contains("limits", await Refused.FieldsAsync(async () => await Admission.UpdateLimitsAsync(new UpdateLimitsRequest())));
        var limits = (await Admission.GetLimitsAsync(new GetLimitsRequest())).Limits;
        limits.Transferring = 3;
        limits.PreparingPerTarget = 0;
        limits.LinkShare = -1;
        limits.MinBytesPerSecond = 5;
        limits.FailureMemory = new Duration { Seconds = 1, Nanos = -5 };
        limits.Classes.Add(new PriorityClass { Name = "user", Priority = 500, Weight = 1 });
        Assert.Equal(
            [
                "limits.failure_memory", "limits.transferring_per_source", "limits.transferring_per_target", "limits.preparing_per_target",
                "limits.link_share", "limits.min_bytes_per_second", "limits.classes[4].name", "limits.classes[4].priority", "limits.classes[4].ageing",
            ],
            await Refused.FieldsAsync(async () => await Admission.UpdateLimitsAsync(new UpdateLimitsRequest { Limits = limits })));
    }

    [Fact]
    public async Task Queue_TellsWhoWaitsForWhat_AndCancelsAtOnce()
    {
        await using var source = await fleet.AddHostAsync();
        await using var target = await fleet.AddHostAsync();
        _ = new ScriptedEngines(source, target);
        List<string> ids = [];
        for (var guest = 0; guest < 3; guest++)
        {
            ids.Add((await fleet.Migrations.StartMigrationAsync(new StartMigrationRequest
            {
                MigrationId = Guid.NewGuid().ToString(),
                GuestId = await StartGuestAsync(source),
                TargetHostId = target.HostId,
                PriorityClass = guest == 2 ? "rebalancing" : "",
                NotBefore = TimeProvider.System.GetUtcNow().AddHours(1).ToTimestamp(),
                RequestedBy = "a test",
            })).Migration.MigrationId);
        }

        var page = await Admission.ListQueueAsync(new ListQueueRequest { PageSize = 2 });
        var rest = await Admission.ListQueueAsync(new ListQueueRequest { PageSize = 2, PageToken = page.NextPageToken });
        Assert.Equal((3U, ""), (rest.Total, rest.NextPageToken));
        Assert.Equal(ids, page.Queue.Concat(rest.Queue).Select(waiting => waiting.MigrationId));
        Assert.Equal([1U, 2U, 3U], page.Queue.Concat(rest.Queue).Select(waiting => waiting.Standing.Position));
        Assert.Equal([ids[2]], (await Admission.ListQueueAsync(new ListQueueRequest { PriorityClass = "rebalancing" })).Queue.Select(waiting => waiting.MigrationId));
        var first = page.Queue[0];
        Assert.Equal((source.HostId, target.HostId, "a test", "user"), (first.SourceHostId, first.TargetHostId, first.RequestedBy, first.Standing.PriorityClass));
        Assert.Equal(WaitCause.NotBefore, first.Standing.Reasons[0].Cause);
        Assert.NotNull(first.Standing.PredictedStart);

        var migration = (await fleet.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = ids[2] })).Migration;
        Assert.Equal((MigrationPhase.Queued, 3U, "rebalancing", ""), (migration.Phase, migration.Standing.Position, migration.PriorityClass, migration.ReplicaId));
        using var watch = fleet.Migrations.WatchMigration(new WatchMigrationRequest { MigrationId = ids[0] });
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(1U, watch.ResponseStream.Current.Happening.Snapshot.Standing.Position);

        foreach (var id in ids)
        {
            Assert.Equal(MigrationPhase.Cancelled, (await fleet.Migrations.CancelMigrationAsync(new CancelMigrationRequest { MigrationId = id })).Migration.Phase);
        }

        var last = watch.ResponseStream.Current;
        while (await watch.ResponseStream.MoveNext(CancellationToken.None))
        {
            last = watch.ResponseStream.Current;
        }

        Assert.Equal(MigrationPhase.Cancelled, last.Happening.Snapshot.Phase);
    }

    [Fact]
    public async Task Start_WithoutATarget_IsPlacedAndMoved()
    {
        await using var source = await fleet.AddHostAsync();
        await using var target = await fleet.AddHostAsync();
        _ = new ScriptedEngines(source, target);
        foreach (var host in (await fleet.Hosts.ListHostsAsync(new ListHostsRequest { PageSize = 1000 })).Hosts.Where(host => host.HostId != source.HostId && host.HostId != target.HostId))
        {
            await fleet.Hosts.CordonHostAsync(new CordonHostRequest { HostId = host.HostId });
        }

        var id = Guid.NewGuid().ToString();
        var started = (await fleet.Migrations.StartMigrationAsync(
            new StartMigrationRequest { MigrationId = id, GuestId = await StartGuestAsync(source) })).Migration;
        Assert.Equal("", started.TargetHostId);
        await Eventually.HoldsAsync(async () =>
            (await fleet.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = id })).Migration is { Phase: MigrationPhase.Copying } copying
            && copying.TargetHostId == target.HostId && copying.ReplicaId.Length > 0);
        await fleet.Migrations.CancelMigrationAsync(new CancelMigrationRequest { MigrationId = id });
    }

    [Fact]
    public async Task Start_InAClassThatIsNotThere_NamesThoseThatAre()
    {
        await using var source = await fleet.AddHostAsync();
        var guest = await StartGuestAsync(source);
        var refused = await Refused.WithAsync("CLASS_UNKNOWN", StatusCode.InvalidArgument, async () => await fleet.Migrations.StartMigrationAsync(
            new StartMigrationRequest { MigrationId = Guid.NewGuid().ToString(), GuestId = guest, PriorityClass = "urgent" }));
        Assert.Contains("system-critical, evacuation, user, rebalancing", refused.Status.Detail, StringComparison.Ordinal);
    }

    private async Task<string> StartGuestAsync(ScriptedAgent host)
    {
        var guestId = await fleet.DefineGuestAsync();
        await fleet.Guests.StartGuestAsync(new StartGuestRequest { GuestId = guestId, HostId = host.HostId });
        await Eventually.HoldsAsync(() => host.Guests.TryGetValue(guestId, out var guest) && guest.RunState == RunState.Running);
        return guestId;
    }
}
