using Orchestrator.V1;

namespace Orchestrator.Scenarios.Wide;

/// <summary>Limits and hosts change under what waits in the queue and what runs.</summary>
[Collection(WideFleetScenarios.Name)]
public class QueueScenarios(WideFleet fleet) : IAsyncLifetime
{
    private readonly List<Resident> _guests = [];
    private AdmissionLimits? _usual;

    public Task InitializeAsync() => fleet.SettleAsync();

    public async Task DisposeAsync()
    {
        if (_usual is not null)
        {
            await fleet.SetLimitsAsync(_usual);
        }

        foreach (var agent in fleet.Fleet.Agents)
        {
            agent.Process.Thaw();
            await fleet.AskAsync((replica, options) => replica.Hosts.UncordonHostAsync(new UncordonHostRequest { HostId = agent.HostId }, options));
        }

        foreach (var guest in _guests)
        {
            await guest.DisposeAsync();
        }
    }

    [Fact]
    public async Task LimitsLoweredBelowWhatRuns_NothingIsStoppedAndNothingBegins_AndTheQueueDrainsInOrderAfter()
    {
        var unending = await fleet.PolicyAsync(Slow.Unending());
        List<string> running = [];
        foreach (var target in new[] { "host-b", "host-c" })
        {
            running.Add(await (await GuestAsync(Slow.Endless)).MigrateAsync(target, unending, 1));
        }

        foreach (var id in running)
        {
            await fleet.AwaitMigrationAsync(id, migration => migration.LatestReading is not null);
        }

        await LimitAsync(limits => Narrow(limits, 1));

        // In this order asked for, and not in this order let through.
        var asked = new List<(string Name, string Id)>();
        foreach (var (name, priorityClass) in new[] { ("first", "user"), ("second", "user"), ("dropped", "user"), ("urgent", "evacuation") })
        {
            var guest = await GuestAsync(Slow.Brief);
            var request = guest.Request("host-b", "suspend-if-needed", 5000);
            request.PriorityClass = priorityClass;
            asked.Add((name, await guest.MigrateAsync(request)));
        }

        string Id(string name) => asked.Single(one => one.Name == name).Id;

        // One of them is prepared and waits for its transfer; the others stand in the queue, each knowing where and why.
        await fleet.AwaitMigrationAsync(Id("first"), migration => migration.Phase == MigrationPhase.Preparing && migration.Standing is not null);
        var queue = await fleet.AwaitAsync(
            (replica, options) => replica.Admission.ListQueueAsync(new ListQueueRequest(), options), answer => answer.Total == 3);
        Assert.Equal([Id("urgent"), Id("second"), Id("dropped")], queue.Queue.Select(one => one.MigrationId));
        Assert.Equal([1U, 2U, 3U], queue.Queue.Select(one => one.Standing.Position));
        Assert.All(queue.Queue, one =>
        {
            var reason = one.Standing.Reasons[0];
            Assert.Equal((WaitCause.PreparingLimit, 1, 1), (reason.Cause, reason.Used, reason.Limit));
            Assert.Contains("1", reason.Message, StringComparison.Ordinal);
            Assert.NotNull(one.Standing.PredictedStart);
        });
        Assert.Equal(queue.Queue.Select(one => one.Standing.PredictedStart).Order(), queue.Queue.Select(one => one.Standing.PredictedStart));

        // Out of the queue in the very answer.
        var dropped = await fleet.AskAsync((replica, options) => replica.Migrations.CancelMigrationAsync(
            new CancelMigrationRequest { MigrationId = Id("dropped"), Reason = "not needed" }, options));
        Assert.Equal(MigrationPhase.Cancelled, dropped.Migration.Phase);

        // What ran runs on, and the one that could go does not: two are above the limit of one, and so is one.
        await AssertRunsOnAsync(running);
        await CancelAsync(running[0]);
        await AssertRunsOnAsync(running.Skip(1));
        Assert.Equal(MigrationPhase.Preparing, (await fleet.AwaitMigrationAsync(Id("first"), _ => true)).Phase);

        // One place more than is taken: they go one after the other.
        await fleet.LimitAsync(limits => Narrow(limits, 2));
        string[] expected = ["first", "urgent", "second"];
        foreach (var name in expected)
        {
            var migration = await fleet.AwaitEndAsync(Id(name));
            Assert.True(migration.Phase == MigrationPhase.Completed, $"{name}: {migration}");
        }

        var begun = new Dictionary<string, DateTimeOffset>();
        foreach (var name in expected)
        {
            begun[name] = await ReachedAsync(Id(name), MigrationPhase.Copying);
        }

        Assert.Equal(expected, begun.OrderBy(one => one.Value).Select(one => one.Key));
        await CancelAsync(running[1]);
        await Aftermath.AssertAsync(fleet, [.. _guests]);
    }

    [Fact]
    public async Task TargetCordoned_WhatIsBeingPreparedGoesOn_WhatWaitsGoesElsewhereOrWaits()
    {
        await LimitAsync(limits => limits.Preparing = limits.PreparingPerTarget = 1);
        var (prepared, bound, free) = (await GuestAsync(Slow.Brief), await GuestAsync(Slow.Brief), await GuestAsync(Slow.Brief));
        var target = fleet.Fleet.Agent("host-b");
        target.Process.Freeze();
        var preparing = await prepared.MigrateAsync("host-b", "suspend-if-needed", 5000);
        await fleet.AwaitMigrationAsync(preparing, migration => migration.Phase == MigrationPhase.Preparing);
        var waiting = await bound.MigrateAsync("host-b", "suspend-if-needed", 5000);
        var choosing = await free.MigrateAsync("", "suspend-if-needed", 5000);
        await fleet.AwaitAsync((replica, options) => replica.Admission.ListQueueAsync(new ListQueueRequest(), options), answer => answer.Total == 2);

        await fleet.AskAsync((replica, options) => replica.Hosts.CordonHostAsync(
            new CordonHostRequest { HostId = "host-b", Reason = "new fan" }, options));
        await fleet.LimitAsync(limits => limits.Preparing = limits.PreparingPerTarget = 4);

        var elsewhere = await fleet.AwaitEndAsync(choosing);
        Assert.Equal((MigrationPhase.Completed, "host-c"), (elsewhere.Phase, elsewhere.TargetHostId));
        target.Process.Thaw();
        var went = await fleet.AwaitEndAsync(preparing);
        Assert.True(went.Phase == MigrationPhase.Completed, $"{went}");
        var held = await fleet.AwaitMigrationAsync(waiting, migration => migration.Standing?.Reasons is [{ Cause: WaitCause.TargetUnfit }, ..]);
        Assert.Equal((MigrationPhase.Queued, "host-b"), (held.Phase, held.Standing.Reasons[0].Subject));
        Assert.Contains("cordoned", held.Standing.Reasons[0].Message, StringComparison.Ordinal);

        await fleet.AskAsync((replica, options) => replica.Hosts.UncordonHostAsync(new UncordonHostRequest { HostId = "host-b" }, options));
        var last = await fleet.AwaitEndAsync(waiting);
        Assert.Equal((MigrationPhase.Completed, "host-b"), (last.Phase, last.TargetHostId));
        await Aftermath.AssertAsync(fleet, [.. _guests]);
    }

    /// <summary>So many transfers, one preparation.</summary>
    private static void Narrow(AdmissionLimits limits, int transfers)
    {
        limits.Transferring = limits.TransferringPerSource = limits.TransferringPerTarget = transfers;
        limits.Preparing = limits.PreparingPerTarget = 1;
    }

    private async Task<Resident> GuestAsync(Load load)
    {
        var guest = await Resident.StartAsync(fleet, "host-a", load);
        _guests.Add(guest);
        return guest;
    }

    private async Task LimitAsync(Action<AdmissionLimits> change) => _usual ??= await fleet.LimitAsync(change);

    private async Task CancelAsync(string id)
    {
        await fleet.AskAsync((replica, options) => replica.Migrations.CancelMigrationAsync(
            new CancelMigrationRequest { MigrationId = id, Reason = "enough" }, options));
        Assert.Equal(MigrationPhase.Cancelled, (await fleet.AwaitEndAsync(id)).Phase);
    }

    /// <summary>They copy, and a while later they still do.</summary>
    private async Task AssertRunsOnAsync(IEnumerable<string> ids)
    {
        foreach (var id in ids)
        {
            var before = await fleet.AwaitMigrationAsync(id, _ => true);
            Assert.Equal(MigrationPhase.Copying, before.Phase);
            await fleet.AwaitMigrationAsync(id, migration => migration.Phase != MigrationPhase.Copying
                ? throw new InvalidOperationException($"It was stopped: {migration}")
                : migration.LatestReading.Sequence > before.LatestReading.Sequence + 6);
        }
    }

    private async Task<DateTimeOffset> ReachedAsync(string id, MigrationPhase phase) =>
        (await fleet.AskAsync((replica, options) => replica.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = id }, options)))
            .Transitions.First(transition => transition.To == phase).At.ToDateTimeOffset();
}
