using Google.Protobuf.WellKnownTypes;
using Orchestrator.ControlPlane.Schedules;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Schedules;

public sealed class ScheduleTermsTests
{
    [Fact]
    public void Cron_IsReadInItsTimeZone_InSummerAndInWinter()
    {
        var terms = Parse(new ScheduleSpec { Cron = "0 0 2 ? * SAT", TimeZone = "Europe/Berlin" });

        Assert.Equal(At("2026-03-07T01:00:00Z"), terms.NextAfter(At("2026-03-02T00:00:00Z")));
        Assert.Equal(At("2026-07-04T00:00:00Z"), terms.NextAfter(At("2026-07-01T00:00:00Z")));
    }

    [Fact]
    public void Cron_InAnHourThatTheClocksSkip_StillFiresThatDay_AndInOneThatComesTwiceFiresOnce()
    {
        var terms = Parse(new ScheduleSpec { Cron = "0 30 2 * * ?", TimeZone = "Europe/Berlin" });

        // Clocks went from 2:00 to 3:00 on 29 March 2026, and from 3:00 to 2:00 on 25 October.
        var skipped = terms.NextAfter(At("2026-03-28T12:00:00Z"))!.Value;
        Assert.Equal(new DateOnly(2026, 3, 29), DateOnly.FromDateTime(skipped.UtcDateTime));
        var twice = terms.NextAfter(At("2026-10-24T12:00:00Z"))!.Value;
        Assert.Equal(new DateOnly(2026, 10, 26), DateOnly.FromDateTime(terms.NextAfter(twice)!.Value.UtcDateTime));
    }

    [Fact]
    public void At_IsOnce()
    {
        var terms = Parse(new ScheduleSpec { At = At("2026-03-02T00:00:00.1234567Z").ToTimestamp() });

        Assert.Equal(At("2026-03-02T00:00:00.123456Z"), terms.NextAfter(At("2026-03-01T00:00:00Z")));
        Assert.Null(terms.NextAfter(At("2026-03-02T00:00:00.123456Z")));
    }

    [Fact]
    public void Step_InTime_Fires()
    {
        var step = Hourly().Step(At("2026-03-02T10:00:00Z"), At("2026-03-02T10:00:01Z"));

        Assert.Equal(At("2026-03-02T10:00:00Z"), step.Fires);
        Assert.Equal(At("2026-03-02T11:00:00Z"), step.Next);
        Assert.Null(step.Missed);
    }

    [Fact]
    public void Step_WithoutGrace_StillCountsTheTimeItTakesToLookAsInTime()
    {
        var terms = Hourly() with { MisfireGrace = TimeSpan.Zero };

        Assert.NotNull(terms.Step(At("2026-03-02T10:00:00Z"), At("2026-03-02T10:00:05Z")).Fires);
        Assert.Null(terms.Step(At("2026-03-02T10:00:00Z"), At("2026-03-02T10:00:06Z")).Fires);
    }

    [Fact]
    public void Step_LateWithinTheGrace_FiresOnceForAll()
    {
        var terms = Hourly() with { MisfireGrace = TimeSpan.FromHours(24) };

        var step = terms.Step(At("2026-03-02T10:00:00Z"), At("2026-03-02T13:30:00Z"));

        Assert.Equal(At("2026-03-02T13:00:00Z"), step.Fires);
        Assert.Equal(4, step.MadeUpFor);
        Assert.Null(step.Missed);
        Assert.Equal(At("2026-03-02T14:00:00Z"), step.Next);
    }

    [Fact]
    public void Step_LaterThanTheGrace_IsMissed()
    {
        var step = Hourly().Step(At("2026-03-02T10:00:00Z"), At("2026-03-02T12:30:00Z"));

        Assert.Null(step.Fires);
        Assert.Equal(new MissedFirings(At("2026-03-02T10:00:00Z"), At("2026-03-02T12:00:00Z"), 3), step.Missed);
        Assert.Equal(At("2026-03-02T13:00:00Z"), step.Next);
    }

    [Fact]
    public void Step_SomeTooLateAndOneNot_MissesThoseAndFiresThis()
    {
        var step = Hourly().Step(At("2026-03-02T10:00:00Z"), At("2026-03-02T12:05:00Z"));

        Assert.Equal(new MissedFirings(At("2026-03-02T10:00:00Z"), At("2026-03-02T11:00:00Z"), 2), step.Missed);
        Assert.Equal(At("2026-03-02T12:00:00Z"), step.Fires);
    }

    [Fact]
    public void Step_EverySecondForAMonth_IsReadyInNoTimeAndSaysThatItDidNotCount()
    {
        var terms = Parse(new ScheduleSpec { Cron = "* * * * * ?" });

        var step = terms.Step(At("2026-02-01T00:00:00Z"), At("2026-03-02T10:00:00Z"));

        Assert.Null(step.Missed!.Count);
        Assert.Equal(At("2026-03-02T10:00:00Z"), step.Fires);
        Assert.Equal(At("2026-03-02T10:00:01Z"), step.Next);
    }

    [Fact]
    public void Step_OfAlmostAnyLateness_TakesEveryDueTimeExactlyOnce()
    {
        // A looker who comes at any times finds every due time once: as the one that fires, as one it stands for, or as missed.
        var terms = Parse(new ScheduleSpec { Cron = "0 */7 * * * ?", MisfireGrace = TimeSpan.FromMinutes(20).ToDuration() });
        var random = new Random(4711);
        var now = At("2026-03-02T00:00:00Z");
        DateTimeOffset? next = terms.NextAfter(now);
        var taken = 0;
        while (now < At("2026-03-09T00:00:00Z"))
        {
            now += TimeSpan.FromSeconds(random.Next(1, 6000));
            if (next <= now)
            {
                var step = terms.Step(next.Value, now);
                Assert.True(step.Next > now);
                Assert.True(step.Fires is null || now - step.Fires <= TimeSpan.FromMinutes(20));
                taken += (step.Missed?.Count ?? 0) + step.MadeUpFor;
                next = step.Next;
            }
        }

        var due = 0;
        for (var at = terms.NextAfter(At("2026-03-02T00:00:00Z")); at < next; at = terms.NextAfter(at!.Value))
        {
            due++;
        }

        Assert.Equal(due, taken);
    }

    [Theory]
    [InlineData("2026-03-06T21:59:59Z", false)]
    [InlineData("2026-03-06T22:00:00Z", true)]
    [InlineData("2026-03-07T21:59:59Z", true)]
    [InlineData("2026-03-07T22:00:00Z", false)]
    [InlineData("2026-12-24T12:00:00Z", true)]
    [InlineData("2026-12-27T00:00:00Z", false)]
    public void BlackoutAt_CoversFromTheBeginningToBeforeTheEnd(string moment, bool covered)
    {
        var terms = Parse(new ScheduleSpec
        {
            Cron = "0 0 * * * ?",
            Blackouts =
            {
                new Blackout { Cron = "0 0 22 ? * FRI", Duration = TimeSpan.FromDays(1).ToDuration() },
                new Blackout { From = At("2026-12-24T00:00:00Z").ToTimestamp(), Until = At("2026-12-27T00:00:00Z").ToTimestamp() },
            },
        });

        Assert.Equal(covered, terms.BlackoutAt(At(moment)) is not null);
    }

    [Fact]
    public void FirstOutsideBlackouts_LooksPastThem()
    {
        var terms = Hourly() with { Blackouts = [new BlackoutTerms.Once(At("2026-03-02T00:00:00Z"), At("2026-03-03T00:00:00Z"))] };

        Assert.Equal(At("2026-03-03T00:00:00Z"), terms.FirstOutsideBlackouts(At("2026-03-02T05:00:00Z")));
        Assert.Null(terms.FirstOutsideBlackouts(null));
    }

    [Fact]
    public void Parse_EverythingWrong_NamesEverything()
    {
        var violations = new Violations();

        ScheduleSpecParser.Parse(
            new ScheduleSpec
            {
                Cron = "0 0 2 31 2",
                TimeZone = "Europe/Atlantis",
                Window = TimeSpan.FromSeconds(59).ToDuration(),
                MisfireGrace = TimeSpan.FromHours(25).ToDuration(),
                Blackouts =
                {
                    new Blackout(),
                    new Blackout { From = At("2026-03-02T00:00:00Z").ToTimestamp(), Until = At("2026-03-01T00:00:00Z").ToTimestamp() },
                    new Blackout { Cron = "whenever it suits me really now", Duration = TimeSpan.FromSeconds(1).ToDuration() },
                    new Blackout { From = At("2026-03-02T00:00:00Z").ToTimestamp() },
                    new Blackout { From = At("2026-03-02T00:00:00Z").ToTimestamp(), Cron = "0 0 0 ? * *" },
                },
            },
            violations,
            "spec");

        Assert.Equal(
            [
                "spec.time_zone", "spec.cron", "spec.blackouts[0]", "spec.blackouts[1].until", "spec.blackouts[2].duration",
                "spec.blackouts[2].cron", "spec.blackouts[3].until", "spec.blackouts[4]", "spec.window", "spec.misfire_grace",
            ],
            violations.Found.Select(found => found.Field).Order(StringComparer.Ordinal)
                .OrderBy(field => field == "spec.time_zone" ? 0 : field == "spec.cron" ? 1 : field.StartsWith("spec.b", StringComparison.Ordinal) ? 2 : field == "spec.window" ? 3 : 4)
                .ThenBy(field => field.Contains("[2].cron", StringComparison.Ordinal) ? "spec.blackouts[2].e" : field, StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("/etc/localtime")]
    [InlineData("Europe//Berlin")]
    [InlineData("Pacific Standard Time")]
    public void TimeZone_ThatIsNoName_IsRefusedAndNoFileIsReadForIt(string name)
    {
        var violations = new Violations();

        ScheduleSpecParser.Parse(new ScheduleSpec { Cron = "0 0 2 ? * SAT", TimeZone = name }, violations, "spec");

        Assert.Equal(["spec.time_zone"], violations.Found.Select(found => found.Field));
    }

    [Theory]
    [InlineData("0 2 * * *")]
    [InlineData("@daily")]
    [InlineData("0 0 25 * * ?")]
    [InlineData("0 0 2 ? * SATURDAYS")]
    [InlineData("a b c d e f")]
    [InlineData("")]
    public void Cron_ThatIsNone_IsRefusedWithTheForm(string cron)
    {
        var violations = new Violations();

        ScheduleSpecParser.Parse(new ScheduleSpec { Cron = cron }, violations, "spec");

        var found = Assert.Single(violations.Found);
        Assert.Equal("spec.cron", found.Field);
        Assert.Contains("0 0 2 ? * SAT", found.Description, StringComparison.Ordinal);
    }

    private static ScheduleTerms Hourly() => Parse(new ScheduleSpec { Cron = "0 0 * * * ?" });

    private static ScheduleTerms Parse(ScheduleSpec spec)
    {
        var violations = new Violations();
        var terms = ScheduleSpecParser.Parse(spec, violations, "spec");
        Assert.Empty(violations.Found);
        return terms;
    }

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
