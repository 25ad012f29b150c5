using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence;

public class DocumentRulesTests
{
    private static readonly LadderStep s_raise = new(new LadderAction.RaiseDowntime(), []);
    private static readonly LadderStep s_abort = new(new LadderAction.Abort(), [new Trigger.PassesAbove(10)]);
    private static readonly LadderStep s_postCopy = new(new LadderAction.PostCopy(DataRate.Zero), [new Trigger.PassesAbove(10)]);

    private static readonly ConvergenceDocument s_sound = Copy.Document(
        s_raise,
        new LadderStep(new LadderAction.Throttle(20, 10, 80), [new Trigger.Stalled(2, 0)]),
        new LadderStep(new LadderAction.Pause(TimeSpan.FromSeconds(1)), [new Trigger.LimitExhausted(TimeSpan.Zero)]),
        s_abort) with
    { Pacing = new Pacing.Exponential(2, TimeSpan.FromSeconds(60), null, TimeSpan.Zero) };

    public static TheoryData<string, ConvergenceDocument> Unsound => new()
    {
        { "max_downtime", s_sound with { MaxDowntime = TimeSpan.FromSeconds(2001) } },
        { "initial_downtime", s_sound with { InitialDowntime = TimeSpan.Zero } },
        { "initial_downtime", s_sound with { InitialDowntime = TimeSpan.FromMilliseconds(401) } },
        { "pacing", s_sound with { Pacing = null } },
        { "exponential", Copy.Document(s_abort) with { Pacing = s_sound.Pacing } },
        { "ladder", Copy.Document(s_abort) with { Pacing = Rungs(150) } },
        { "exponential.factor", s_sound with { Pacing = new Pacing.Exponential(1, TimeSpan.FromSeconds(1), null, TimeSpan.Zero) } },
        { "exponential.factor", s_sound with { Pacing = new Pacing.Exponential(double.NaN, null, 1, TimeSpan.Zero) } },
        { "exponential.factor", s_sound with { Pacing = new Pacing.Exponential(double.PositiveInfinity, null, 3, TimeSpan.Zero) } },
        { "exponential.every", s_sound with { Pacing = new Pacing.Exponential(2, null, null, TimeSpan.Zero) } },
        { "exponential.every", s_sound with { Pacing = new Pacing.Exponential(2, TimeSpan.FromSeconds(1), 1, TimeSpan.Zero) } },
        { "exponential.time", s_sound with { Pacing = new Pacing.Exponential(2, TimeSpan.FromMilliseconds(999), null, TimeSpan.Zero) } },
        { "exponential.stalled_rounds", s_sound with { Pacing = new Pacing.Exponential(2, null, 1001, TimeSpan.Zero) } },
        { "exponential.start_after", s_sound with { Pacing = new Pacing.Exponential(2, null, 1, TimeSpan.FromDays(1.1)) } },
        { "ladder.rungs", s_sound with { Pacing = new Pacing.Ladder([]) } },
        { "ladder.rungs", s_sound with { Pacing = Rungs([.. Enumerable.Range(100, 65)]) } },
        { "ladder.rungs[1].limit", s_sound with { Pacing = Rungs(150, 150) } },
        { "ladder.rungs[1].limit", s_sound with { Pacing = Rungs(150, 401) } },
        { "ladder.rungs[0].passes", s_sound with { Pacing = Rung(new RungWait.Passes(0)) } },
        { "ladder.rungs[0].time", s_sound with { Pacing = Rung(new RungWait.Time(TimeSpan.Zero)) } },
        { "ladder.rungs[0].time_per_gib", s_sound with { Pacing = Rung(new RungWait.TimePerGibibyte(TimeSpan.FromHours(2))) } },
        { "ladder.rungs[0].stalled_rounds", s_sound with { Pacing = Rung(new RungWait.StalledRounds(-1)) } },
        { "steps", Copy.Document() },
        { "steps", Copy.Document([.. Enumerable.Repeat(s_abort, 17)]) },
        { "steps[0]", Copy.Document(new LadderStep(new LadderAction.Throttle(20, 10, 80), [new Trigger.Infeasible()])) },
        { "steps[0]", Copy.Document(s_abort, s_postCopy) },
        { "steps[1]", s_sound with { Steps = [s_raise, s_raise, s_abort] } },
        { "steps[0].when", Copy.Document(new LadderStep(new LadderAction.Abort(), [])) },
        { "steps[0].when", Copy.Document(new LadderStep(new LadderAction.Abort(), [.. Enumerable.Repeat(new Trigger.PassesAbove(1), 9)])) },
        { "steps[0].throttle.initial_percent", Throttle(0, 10, 80) },
        { "steps[0].throttle.increment_percent", Throttle(20, 100, 80) },
        { "steps[0].throttle.max_percent", Throttle(50, 10, 40) },
        { "steps[0].throttle.max_percent", Throttle(50, 10, 100) },
        { "steps[0].pause.max_pause", Pause(TimeSpan.Zero) },
        { "steps[0].pause.max_pause", Pause(TimeSpan.FromHours(1.5)) },
        {
            "steps[0].post_copy.max_bytes_per_second",
            Copy.Document(s_postCopy with { Action = new LadderAction.PostCopy(new DataRate(-1)) })
        },
        { "on_control_plane_loss", s_sound with { OnControlPlaneLoss = ControlPlaneLoss.AbortAtDeadline } },
        { "retry.attempts", s_sound with { Retry = new RetryTerms(0, TimeSpan.FromSeconds(1), null) } },
        { "retry.attempts", s_sound with { Retry = new RetryTerms(21, TimeSpan.FromSeconds(1), null) } },
        { "retry.backoff", s_sound with { Retry = new RetryTerms(3, TimeSpan.FromMilliseconds(999), null) } },
        { "retry.backoff", s_sound with { Retry = new RetryTerms(3, TimeSpan.FromSeconds(601), "doubling") } },
        { "free_page_hint", Copy.Document(s_postCopy) with { FreePageHint = true } },
        { "steps[0].when[0].stalled.rounds", Abort(new Trigger.Stalled(0, 0.1)) },
        { "steps[0].when[0].stalled.min_improvement", Abort(new Trigger.Stalled(1, double.NaN)) },
        { "steps[0].when[0].stalled.min_improvement", Abort(new Trigger.Stalled(1, 0.91)) },
        { "steps[0].when[0].passes_above", Abort(new Trigger.PassesAbove(1_000_001)) },
        { "steps[0].when[0].transferred_above_ram_times", Abort(new Trigger.TransferredAbove(0)) },
        { "steps[0].when[0].elapsed_above", Abort(new Trigger.ElapsedAbove(TimeSpan.FromDays(8))) },
        { "steps[0].when[0].elapsed_above_per_gib", Abort(new Trigger.ElapsedAbovePerGibibyte(TimeSpan.Zero)) },
        { "steps[0].when[0].no_progress_for", Abort(new Trigger.NoProgressFor(TimeSpan.FromDays(2))) },
        { "steps[0].when[0].limit_exhausted", Abort(new Trigger.LimitExhausted(TimeSpan.Zero)) },
        {
            "steps[1].when[0].limit_exhausted.for",
            s_sound with { Steps = [s_raise, s_abort with { When = [new Trigger.LimitExhausted(TimeSpan.FromSeconds(-1))] }] }
        },
        { "stop.max_passes", s_sound with { Stop = new() { MaxPasses = 0 } } },
        { "stop.max_transfer_factor", s_sound with { Stop = new() { MaxTransferFactor = double.NegativeInfinity } } },
        { "stop.max_total_time", s_sound with { Stop = new() { MaxTotalTime = TimeSpan.FromMilliseconds(1) } } },
        { "stop.max_total_time_per_gib", s_sound with { Stop = new() { MaxTotalTimePerGibibyte = TimeSpan.FromHours(2) } } },
        { "bandwidth.max_bytes_per_second", s_sound with { Bandwidth = new() { Max = new DataRate(-5) } } },
        { "bandwidth.switchover_bytes_per_second", s_sound with { Bandwidth = new() { SwitchOver = new DataRate(-5) } } },
    };

    [Fact]
    public void Violations_SoundDocument_None() => Assert.Empty(DocumentRules.Violations(s_sound));

    [Fact]
    public void Violations_BoundsThemselves_AreAllowed() => Assert.Empty(DocumentRules.Violations(Copy.Document(
        new LadderStep(new LadderAction.RaiseDowntime(), [new Trigger.ElapsedAbove(TimeSpan.FromDays(7))]),
        new LadderStep(new LadderAction.Throttle(99, 99, 99), [new Trigger.Stalled(1000, 0.9)]),
        new LadderStep(new LadderAction.Pause(TimeSpan.FromHours(1)), [new Trigger.LimitExhausted(TimeSpan.FromDays(1))]),
        new LadderStep(new LadderAction.PostCopy(DataRate.Zero), [new Trigger.TransferredAbove(1000), new Trigger.PassesAbove(1)])) with
    {
        InitialDowntime = TimeSpan.FromSeconds(2000),
        MaxDowntime = TimeSpan.FromSeconds(2000),
        Pacing = new Pacing.Exponential(10, null, 1000, TimeSpan.FromDays(1)),
    }));

    [Theory]
    [MemberData(nameof(Unsound))]
    public void Violations_OneThingWrong_NamesTheField(string field, ConvergenceDocument document) =>
        Assert.Contains(DocumentRules.Violations(document), violation => violation.Field == field);

    [Fact]
    public void Violations_ManyThingsWrong_AllAtOnce()
    {
        var document = Copy.Document(
            new LadderStep(new LadderAction.Pause(TimeSpan.Zero), []),
            new LadderStep(new LadderAction.Throttle(50, 10, 20), [new Trigger.LimitExhausted(TimeSpan.Zero)])) with
        {
            InitialDowntime = TimeSpan.FromMilliseconds(900),
            Pacing = Rungs(300, 200),
        };

        Assert.Equal(
            [
                new DocumentViolation("initial_downtime", "must be at most max_downtime, 400 ms, is 900 ms"),
                new DocumentViolation("ladder.rungs[1].limit", "must be above the rung before, 300 ms, is 200 ms"),
                new DocumentViolation("ladder", "is never used: no step is raise_downtime; add one or remove the pacing"),
                new DocumentViolation("steps[1]", "is the last and must be abort or post_copy, is throttle"),
                new DocumentViolation("steps[0].when", "must have a trigger; only raise_downtime may have none, this is pause"),
                new DocumentViolation("steps[0].pause.max_pause", "must be 1 ms to 3600 s, is 0"),
                new DocumentViolation("steps[1].throttle.max_percent", "must be 50 to 99, is 20"),
                new DocumentViolation(
                    "steps[1].when[0].limit_exhausted", "needs a raise_downtime step before it: nothing raises the limit to its cap"),
            ],
            DocumentRules.Violations(document));
    }

    [Theory]
    [InlineData(false, false, 0)]
    [InlineData(true, false, 1)]
    [InlineData(false, true, 1)]
    [InlineData(true, true, 2)]
    public void ViolationsFor_OnlyEndIsPostCopy_DependsOnTheGuest(bool vfio, bool nonLive, int violations)
    {
        var found = DocumentRules.ViolationsFor(Copy.Document(s_postCopy), vfio, nonLive);

        Assert.Equal(Enumerable.Repeat("steps[0].post_copy", violations), found.Select(violation => violation.Field));
        Assert.Empty(DocumentRules.ViolationsFor(s_sound, vfio, nonLive));
    }

    private static Pacing.Ladder Rungs(params int[] milliseconds) => new(
        [.. milliseconds.Select(limit => new Rung(TimeSpan.FromMilliseconds(limit), new RungWait.Passes(1)))]);

    private static Pacing.Ladder Rung(RungWait wait) => new([new Rung(TimeSpan.FromMilliseconds(150), wait)]);

    private static ConvergenceDocument Throttle(int initial, int increment, int max) =>
        Copy.Document(new LadderStep(new LadderAction.Throttle(initial, increment, max), [new Trigger.Infeasible()]), s_abort);

    private static ConvergenceDocument Pause(TimeSpan maxPause) =>
        Copy.Document(new LadderStep(new LadderAction.Pause(maxPause), [new Trigger.Infeasible()]), s_abort);

    private static ConvergenceDocument Abort(Trigger trigger) => Copy.Document(new LadderStep(new LadderAction.Abort(), [trigger]));
}
