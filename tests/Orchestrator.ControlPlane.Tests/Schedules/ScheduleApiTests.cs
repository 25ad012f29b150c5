using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Orchestrator.V1;
using Quartz;

namespace Orchestrator.ControlPlane.Tests.Schedules;

/// <summary>The whole control plane with real Quartz.</summary>
public sealed class ScheduleApiTests(ControlPlaneFixture fleet) : IClassFixture<ControlPlaneFixture>
{
    [Fact]
    public async Task CreateSchedule_SameAgain_IsTheSame_AndWithOtherContentsIsRefused()
    {
        var request = Request("0 0 2 ? * SAT");

        var created = (await fleet.Schedules.CreateScheduleAsync(request)).Schedule;

        Assert.Equal((request.Name, request.Spec, false), (created.Name, created.Spec, created.Paused));
        Assert.Equal(DayOfWeek.Saturday, created.NextFiringAt.ToDateTimeOffset().DayOfWeek);
        Assert.Null(created.LastFiring);
        Assert.Equal(created, (await fleet.Schedules.CreateScheduleAsync(request)).Schedule);
        request.Spec.Cron = "0 0 3 ? * SAT";
        await Refused.WithAsync("SCHEDULE_EXISTS", StatusCode.AlreadyExists, async () => await fleet.Schedules.CreateScheduleAsync(request));
    }

    [Fact]
    public async Task CreateSchedule_EverythingWrong_NamesEverything()
    {
        var request = new CreateScheduleRequest
        {
            Name = "Nightly!",
            CreatedBy = new string('x', 501),
            Spec = new ScheduleSpec
            {
                Cron = "never",
                TimeZone = "Mars/Olympus",
                Migration = new StartMigrationRequest
                {
                    MigrationId = Guid.NewGuid().ToString(),
                    GuestId = "No Name",
                    TargetHostId = "h2",
                    NotBefore = new Timestamp(),
                },
            },
        };

        var fields = await Refused.FieldsAsync(async () => await fleet.Schedules.CreateScheduleAsync(request));

        Assert.Equal(
            [
                "created_by", "name", "spec.cron", "spec.migration.guest_id", "spec.migration.migration_id", "spec.migration.not_before",
                "spec.time_zone",
            ],
            fields.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task CreateSchedule_OfNothingOrForThePast_IsRefused()
    {
        Assert.Equal(
            ["spec.when", "spec.work"],
            await Refused.FieldsAsync(async () => await fleet.Schedules.CreateScheduleAsync(new CreateScheduleRequest { Name = "a" })));

        var past = Request("");
        past.Spec.At = DateTime.UnixEpoch.AddYears(1).ToTimestamp();
        Assert.Equal(["spec.at"], await Refused.FieldsAsync(async () => await fleet.Schedules.CreateScheduleAsync(past)));
        Assert.Equal(["spec.cron"], await Refused.FieldsAsync(async () => await fleet.Schedules.CreateScheduleAsync(Request("0 0 0 1 1 ? 2020"))));
    }

    [Fact]
    public async Task PauseResumeDelete_TakeTheTriggerAlong()
    {
        var name = (await fleet.Schedules.CreateScheduleAsync(Request("0 0 2 ? * SAT"))).Schedule.Name;
        var scheduler = await fleet.Services.GetRequiredService<ISchedulerFactory>().GetScheduler();
        var key = new TriggerKey(name, "schedules");
        Assert.True(await scheduler.Exists(key));

        var paused = (await fleet.Schedules.PauseScheduleAsync(new PauseScheduleRequest { Name = name })).Schedule;
        Assert.Equal((true, null), (paused.Paused, paused.NextFiringAt));
        Assert.False(await scheduler.Exists(key));
        Assert.Equal(paused, (await fleet.Schedules.PauseScheduleAsync(new PauseScheduleRequest { Name = name })).Schedule);

        var resumed = (await fleet.Schedules.ResumeScheduleAsync(new ResumeScheduleRequest { Name = name })).Schedule;
        Assert.False(resumed.Paused);
        Assert.NotNull(resumed.NextFiringAt);
        Assert.True(await scheduler.Exists(key));

        await fleet.Schedules.DeleteScheduleAsync(new DeleteScheduleRequest { Name = name });
        Assert.False(await scheduler.Exists(key));
        await Refused.WithAsync(
            "SCHEDULE_UNKNOWN", StatusCode.NotFound, async () => await fleet.Schedules.GetScheduleAsync(new GetScheduleRequest { Name = name }));
        await Refused.WithAsync(
            "SCHEDULE_UNKNOWN", StatusCode.NotFound, async () => await fleet.Schedules.DeleteScheduleAsync(new DeleteScheduleRequest { Name = name }));
        await Refused.WithAsync(
            "SCHEDULE_UNKNOWN", StatusCode.NotFound, async () => await fleet.Schedules.ListFiringsAsync(new ListFiringsRequest { Name = name }));
    }

    [Fact]
    public async Task ListSchedules_PageByPage_ShowsEachOnceInOrder()
    {
        var names = new List<string>();
        foreach (var _ in Enumerable.Range(0, 5))
        {
            names.Add((await fleet.Schedules.CreateScheduleAsync(Request("0 0 2 ? * SAT"))).Schedule.Name);
        }

        var seen = new List<string>();
        var token = "";
        do
        {
            var page = await fleet.Schedules.ListSchedulesAsync(new ListSchedulesRequest { PageSize = 2, PageToken = token });
            seen.AddRange(page.Schedules.Select(schedule => schedule.Name));
            token = page.NextPageToken;
        }
        while (token.Length > 0);

        Assert.Equal(seen.Distinct().Order(StringComparer.Ordinal), seen);
        Assert.Empty(names.Except(seen));
    }

    [Fact]
    public async Task EverySecond_OnTwoReplicas_FiresEachSecondAtMostOnceAndGoesOnWithoutTheOne()
    {
        // Only Quartz's own trigger can ring here: the sweep comes once an hour.
        await using var first = await fleet.StartReplicaAsync("--Bells:SchedulesEvery=01:00:00");
        await using var second = await fleet.StartReplicaAsync("--Bells:SchedulesEvery=01:00:00");
        var name = (await fleet.Schedules.CreateScheduleAsync(Request("* * * * * ?"))).Schedule.Name;

        await Eventually.HoldsAsync(async () => (await FiringsAsync(name)).Count >= 4);
        await first.StopAsync();
        var before = (await FiringsAsync(name)).Count;
        await Eventually.HoldsAsync(async () => (await FiringsAsync(name)).Count >= before + 2);
        await fleet.Schedules.DeleteScheduleAsync(new DeleteScheduleRequest { Name = name });

        await second.StopAsync();
    }

    [Fact]
    public async Task Firings_PageByPage_ShowEachOnceNewestFirst_AndSayWhy()
    {
        var name = (await fleet.Schedules.CreateScheduleAsync(Request("* * * * * ?"))).Schedule.Name;
        await Eventually.HoldsAsync(async () => (await FiringsAsync(name)).Count >= 3);
        await fleet.Schedules.PauseScheduleAsync(new PauseScheduleRequest { Name = name });

        var seen = new List<Firing>();
        var token = "";
        do
        {
            var page = await fleet.Schedules.ListFiringsAsync(new ListFiringsRequest { Name = name, PageSize = 1, PageToken = token });
            seen.AddRange(page.Firings);
            token = page.NextPageToken;
        }
        while (token.Length > 0);

        Assert.Equal(seen.Select(firing => firing.DueAt.ToDateTimeOffset()).Distinct().OrderDescending(), seen.Select(firing => firing.DueAt.ToDateTimeOffset()));
        Assert.Contains(seen, firing => firing is { Outcome: FiringOutcome.Refused, Message: "Guest nobody is not known." });
        Assert.NotNull((await fleet.Schedules.GetScheduleAsync(new GetScheduleRequest { Name = name })).Schedule.LastFiring);
    }

    [Fact]
    public async Task DueWhileNoReplicaRan_IsMadeUpForByTheNextThatStarts()
    {
        await using var other = new ControlPlaneRun(await ControlPlaneRun.NewDatabaseAsync(), fleet);
        var request = Request("");
        request.Spec.At = TimeProvider.System.GetUtcNow().AddSeconds(3).ToTimestamp();
        await (await other.StartAsync()).CreateScheduleAsync(request);
        await other.StopAsync();
        await Eventually.HoldsAsync(() => TimeProvider.System.GetUtcNow() > request.Spec.At.ToDateTimeOffset().AddSeconds(1));

        var client = await other.StartAsync();

        await Eventually.HoldsAsync(async () =>
            (await client.GetScheduleAsync(new GetScheduleRequest { Name = request.Name })).Schedule.LastFiring is { Outcome: FiringOutcome.Refused });
        var schedule = (await client.GetScheduleAsync(new GetScheduleRequest { Name = request.Name })).Schedule;
        Assert.Equal((request.Spec.At.Seconds, null), (schedule.LastFiring.DueAt.Seconds, schedule.NextFiringAt));
    }

    private async Task<IReadOnlyList<Firing>> FiringsAsync(string name) =>
        (await fleet.Schedules.ListFiringsAsync(new ListFiringsRequest { Name = name })).Firings;

    /// <summary>Of a migration that is refused each time.</summary>
    private static CreateScheduleRequest Request(string cron)
    {
        var request = new CreateScheduleRequest
        {
            Name = ControlPlaneFixture.NewId("schedule"),
            CreatedBy = "tests",
            Spec = new ScheduleSpec { Migration = new StartMigrationRequest { GuestId = "nobody", TargetHostId = "nowhere" } },
        };
        if (cron.Length > 0)
        {
            request.Spec.Cron = cron;
        }

        return request;
    }
}
