using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.V1;

namespace Orchestrator.Scenarios.Wide;

/// <summary>A window opens and closes by a cron expression.</summary>
[Collection(WideFleetScenarios.Name)]
[Trait("Category", "Campaign")]
public class ScheduleScenarios(WideFleet fleet) : IAsyncLifetime
{
    // The shortest there is.
    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(1);
    private readonly List<Resident> _guests = [];
    private readonly List<string> _schedules = [];
    private AdmissionLimits? _usual;

    public Task InitializeAsync() => fleet.SettleAsync();

    public async Task DisposeAsync()
    {
        if (_usual is not null)
        {
            await fleet.SetLimitsAsync(_usual);
        }

        foreach (var name in _schedules)
        {
            await fleet.AskAsync((replica, options) => replica.Schedules.DeleteScheduleAsync(new DeleteScheduleRequest { Name = name }, options));
        }

        foreach (var guest in _guests)
        {
            await guest.DisposeAsync();
        }
    }

    [Fact]
    public async Task WindowOpensAndCloses_OneBeginsInIt_OneThatWaitedTooLongIsNotBegun_OneThatRunsRunsOn()
    {
        var (inTime, lasting, late) = (await GuestAsync(Slow.Brief), await GuestAsync(Slow.Endless), await GuestAsync(Slow.Brief));
        var dueAt = Soon();

        // In a zone that is not the machine's.
        var begins = await ScheduleAsync(inTime.Request("host-b", "suspend-if-needed", 5000), dueAt);
        var runs = await ScheduleAsync(lasting.Request("host-b", await fleet.PolicyAsync(Slow.Unending()), 1), dueAt);
        Assert.Equal(MigrationPhase.Completed, (await fleet.AwaitEndAsync(await BegunAsync(begins, dueAt))).Phase);
        var running = await BegunAsync(runs, dueAt);
        await fleet.AwaitMigrationAsync(running, migration => migration.LatestReading is not null);

        // The only place is taken: what the third begins stays in the queue.
        _usual = await fleet.LimitAsync(limits =>
        {
            limits.Transferring = limits.TransferringPerSource = limits.TransferringPerTarget = 1;
            limits.Preparing = limits.PreparingPerTarget = 1;
        });
        var blocker = await GuestAsync(Slow.Brief);
        var prepared = await blocker.MigrateAsync("host-b", "suspend-if-needed", 5000);
        await fleet.AwaitMigrationAsync(prepared, migration => migration.Phase == MigrationPhase.Preparing);
        var lateDue = Soon();
        var waits = await ScheduleAsync(late.Request("host-b", "suspend-if-needed", 5000), lateDue);
        var waiting = await BegunAsync(waits, lateDue);
        Assert.Equal(MigrationPhase.Queued, (await fleet.AwaitMigrationAsync(waiting, migration => migration.Standing is not null)).Phase);

        var closed = await fleet.AwaitEndAsync(waiting);
        Assert.Equal(MigrationPhase.Cancelled, closed.Phase);
        var transitions = (await fleet.AskAsync((replica, options) => replica.Migrations.GetMigrationAsync(
            new GetMigrationRequest { MigrationId = waiting }, options))).Transitions;
        Assert.Contains($"the window of schedule {waits} ended", transitions[^1].Reason, StringComparison.Ordinal);
        Assert.True(closed.EndedAt.ToDateTimeOffset() >= lateDue + s_window, $"{closed}");

        // What had begun when its window closed, minutes ago by now, is not touched.
        Assert.Equal(MigrationPhase.Copying, (await fleet.AwaitMigrationAsync(running, _ => true)).Phase);
        await fleet.AskAsync((replica, options) => replica.Migrations.CancelMigrationAsync(
            new CancelMigrationRequest { MigrationId = running, Reason = "enough" }, options));
        Assert.Equal(MigrationPhase.Cancelled, (await fleet.AwaitEndAsync(running)).Phase);
        Assert.Equal(MigrationPhase.Completed, (await fleet.AwaitEndAsync(prepared)).Phase);
        await Aftermath.AssertAsync(fleet, [.. _guests]);
    }

    /// <summary>Far enough ahead that the schedule is there when it comes.</summary>
    private static DateTimeOffset Soon()
    {
        var now = TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(8);
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerSecond));
    }

    private async Task<Resident> GuestAsync(Load load)
    {
        var guest = await Resident.StartAsync(fleet, "host-a", load);
        _guests.Add(guest);
        return guest;
    }

    /// <summary>A cron expression that comes true at that moment and then for a day not again.</summary>
    private async Task<string> ScheduleAsync(StartMigrationRequest request, DateTimeOffset dueAt)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById("Asia/Kathmandu");
        var there = TimeZoneInfo.ConvertTime(dueAt, zone);
        var name = "s-" + request.GuestId;
        request.MigrationId = "";
        request.RequestedBy = "";
        await fleet.AskAsync((replica, options) => replica.Schedules.CreateScheduleAsync(
            new CreateScheduleRequest
            {
                Name = name,
                CreatedBy = "scenario",
                Spec = new ScheduleSpec
                {
                    Cron = string.Create(CultureInfo.InvariantCulture, $"{there.Second} {there.Minute} {there.Hour} * * ?"),
                    TimeZone = zone.Id,
                    Window = s_window.ToDuration(),
                    Migration = request,
                },
            },
            options));
        _schedules.Add(name);
        return name;
    }

    /// <summary>The one migration that it began, when it was to.</summary>
    private async Task<string> BegunAsync(string schedule, DateTimeOffset dueAt)
    {
        var answer = await fleet.AwaitAsync(
            (replica, options) => replica.Schedules.ListFiringsAsync(new ListFiringsRequest { Name = schedule }, options),
            answer => answer.Firings.Any(firing => firing.Outcome != FiringOutcome.Unspecified));
        var firing = Assert.Single(answer.Firings);
        Assert.True(firing.Outcome == FiringOutcome.Started, $"{firing}");
        Assert.Equal(dueAt, firing.DueAt.ToDateTimeOffset());
        return firing.MigrationId;
    }
}
