using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using BandwidthTerms = Orchestrator.Policy.Convergence.BandwidthTerms;
using LadderStep = Orchestrator.Policy.Convergence.LadderStep;
using Rung = Orchestrator.Policy.Convergence.Rung;
using StopConditions = Orchestrator.Policy.Convergence.StopConditions;
using Trigger = Orchestrator.Policy.Convergence.Trigger;

namespace Orchestrator.ControlPlane.Policies;

/// <summary>
/// Turns a policy document into the values that policy works with. Ranges of single fields are held here, what fields must be to each
/// other by the rules of policy; a caller hears of everything at once.
/// </summary>
internal sealed class PolicyDocumentParser
{
    private const int MaxDescriptionCharacters = 1000;
    private const int MaxSteps = 16;
    private const int MaxTriggers = 8;
    private const int MaxRungs = 64;

    private static readonly TimeSpan s_shortestLimit = TimeSpan.FromMilliseconds(1);

    // QEMU's own bound of downtime-limit (qapi/migration.json).
    private static readonly TimeSpan s_longestLimit = TimeSpan.FromSeconds(2000);
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_hour = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_day = TimeSpan.FromDays(1);
    private static readonly TimeSpan s_week = TimeSpan.FromDays(7);

    private readonly Violations _violations = new();

    private PolicyDocumentParser()
    {
    }

    /// <param name="violations">Paths are proto names below the document.</param>
    /// <returns>Null when there are violations.</returns>
    public static ConvergenceDocument? Parse(PolicyDocument? document, out Violations violations)
    {
        var parser = new PolicyDocumentParser();
        violations = parser._violations;
        var parsed = parser.Document(document ?? new PolicyDocument());
        return violations.Any ? null : parsed;
    }

    /// <summary>Of a document that the store gave: it was sound when it was written.</summary>
    /// <exception cref="InvalidDataException">It is not any more.</exception>
    public static ConvergenceDocument ParseStored(PolicyDocument document) =>
        Parse(document, out var violations) ?? throw new InvalidDataException(
            $"A stored policy is not sound: {string.Join("; ", violations.Found.Select(found => $"{found.Field} {found.Description}"))}.");

    private ConvergenceDocument Document(PolicyDocument document)
    {
        _violations.Text("description", document.Description, MaxDescriptionCharacters);
        return new ConvergenceDocument
        {
            InitialDowntime = _violations.RequiredDuration("initial_downtime", document.InitialDowntime, s_shortestLimit, s_longestLimit),
            MaxDowntime = _violations.RequiredDuration("max_downtime", document.MaxDowntime, s_shortestLimit, s_longestLimit),
            Pacing = document.PacingCase switch
            {
                PolicyDocument.PacingOneofCase.None => null,
                PolicyDocument.PacingOneofCase.Exponential => Exponential(document.Exponential),
                PolicyDocument.PacingOneofCase.Ladder => Ladder(document.Ladder),
            },
            Steps = Many("steps", document.Steps, MaxSteps, Step),
            Stop = Stop(document.Stop ?? new V1.StopConditions()),
            Bandwidth = Bandwidth(document.Bandwidth ?? new V1.BandwidthTerms()),
            FreePageHint = document.FreePageHint,
        };
    }

    private Pacing.Exponential Exponential(ExponentialPacing pacing)
    {
        const string Path = "exponential";
        if (!(pacing.Factor > 1 && pacing.Factor <= 10))
        {
            _violations.Add($"{Path}.factor", FormattableString.Invariant($"must be above 1 and at most 10, is {pacing.Factor}"));
        }

        if (pacing.EveryCase == ExponentialPacing.EveryOneofCase.None)
        {
            _violations.Add($"{Path}.every", "is missing; give time or stalled_rounds");
        }

        return new Pacing.Exponential(
            pacing.Factor,
            _violations.Duration($"{Path}.time", pacing.Time, s_second, s_hour),
            pacing.EveryCase == ExponentialPacing.EveryOneofCase.StalledRounds ? Count($"{Path}.stalled_rounds", pacing.StalledRounds, 1000) : null,
            _violations.Duration($"{Path}.start_after", pacing.StartAfter, TimeSpan.Zero, s_day) ?? TimeSpan.Zero);
    }

    private Pacing.Ladder Ladder(LadderPacing pacing) => new(Many("ladder.rungs", pacing.Rungs, MaxRungs, (path, rung) => new Rung(
        _violations.RequiredDuration($"{path}.limit", rung.Limit, s_shortestLimit, s_longestLimit),
        rung.AfterCase switch
        {
            V1.Rung.AfterOneofCase.Passes => new RungWait.Passes(Count($"{path}.passes", rung.Passes, 1000)),
            V1.Rung.AfterOneofCase.Time => new RungWait.Time(_violations.RequiredDuration($"{path}.time", rung.Time, s_second, s_day)),
            V1.Rung.AfterOneofCase.TimePerGib =>
                new RungWait.TimePerGibibyte(_violations.RequiredDuration($"{path}.time_per_gib", rung.TimePerGib, s_second, s_hour)),
            V1.Rung.AfterOneofCase.StalledRounds => new RungWait.StalledRounds(Count($"{path}.stalled_rounds", rung.StalledRounds, 1000)),
            V1.Rung.AfterOneofCase.None => Missing<RungWait>(
                $"{path}.after", "is missing; give passes, time, time_per_gib or stalled_rounds", new RungWait.Passes(1)),
        })));

    private LadderStep Step(string path, V1.LadderStep step) => new(
        step.ActionCase switch
        {
            V1.LadderStep.ActionOneofCase.RaiseDowntime => new LadderAction.RaiseDowntime(),
            V1.LadderStep.ActionOneofCase.Throttle => Throttle($"{path}.throttle", step.Throttle),
            V1.LadderStep.ActionOneofCase.PostCopy =>
                new LadderAction.PostCopy(Rate($"{path}.post_copy.max_bytes_per_second", step.PostCopy.MaxBytesPerSecond) ?? DataRate.Zero),
            V1.LadderStep.ActionOneofCase.Pause => new LadderAction.Pause(_violations.RequiredDuration(
                $"{path}.pause.max_pause", step.Pause.MaxPause, s_shortestLimit, s_hour)),
            V1.LadderStep.ActionOneofCase.Abort => new LadderAction.Abort(),
            V1.LadderStep.ActionOneofCase.None => Missing<LadderAction>(
                $"{path}.action", "is missing; give raise_downtime, throttle, post_copy, pause or abort", new LadderAction.Abort()),
        },
        Many($"{path}.when", step.When, MaxTriggers, Trigger));

    private LadderAction.Throttle Throttle(string path, Throttle throttle)
    {
        var initial = Percent($"{path}.initial_percent", throttle.InitialPercent, 1, 20);
        var increment = Percent($"{path}.increment_percent", throttle.IncrementPercent, 1, 10);
        return new LadderAction.Throttle(initial, increment, Percent($"{path}.max_percent", throttle.MaxPercent, (uint)initial, 80));
    }

    private Trigger Trigger(string path, V1.Trigger trigger) => trigger.ConditionCase switch
    {
        V1.Trigger.ConditionOneofCase.Stalled => new Trigger.Stalled(
            Count($"{path}.stalled.rounds", trigger.Stalled.Rounds, 1000),
            MinImprovement($"{path}.stalled.min_improvement", trigger.Stalled.MinImprovement)),
        V1.Trigger.ConditionOneofCase.Infeasible => new Trigger.Infeasible(),
        V1.Trigger.ConditionOneofCase.PassesAbove => new Trigger.PassesAbove(Count($"{path}.passes_above", trigger.PassesAbove, 1_000_000)),
        V1.Trigger.ConditionOneofCase.TransferredAboveRamTimes => new Trigger.TransferredAbove(
            Times($"{path}.transferred_above_ram_times", trigger.TransferredAboveRamTimes)),
        V1.Trigger.ConditionOneofCase.ElapsedAbove => new Trigger.ElapsedAbove(
            _violations.RequiredDuration($"{path}.elapsed_above", trigger.ElapsedAbove, s_second, s_week)),
        V1.Trigger.ConditionOneofCase.ElapsedAbovePerGib => new Trigger.ElapsedAbovePerGibibyte(
            _violations.RequiredDuration($"{path}.elapsed_above_per_gib", trigger.ElapsedAbovePerGib, s_second, s_hour)),
        V1.Trigger.ConditionOneofCase.NoProgressFor => new Trigger.NoProgressFor(
            _violations.RequiredDuration($"{path}.no_progress_for", trigger.NoProgressFor, s_second, s_day)),
        V1.Trigger.ConditionOneofCase.LimitExhausted => new Trigger.LimitExhausted(
            _violations.Duration($"{path}.limit_exhausted.for", trigger.LimitExhausted.For, TimeSpan.Zero, s_day) ?? TimeSpan.Zero),
        V1.Trigger.ConditionOneofCase.None => Missing<Trigger>(
            $"{path}.condition",
            "is missing; give stalled, infeasible, passes_above, transferred_above_ram_times, elapsed_above, elapsed_above_per_gib, "
            + "no_progress_for or limit_exhausted",
            new Trigger.Infeasible()),
    };

    private StopConditions Stop(V1.StopConditions stop) => new()
    {
        MaxPasses = stop.MaxPasses == 0 ? null : Count("stop.max_passes", stop.MaxPasses, 1_000_000),
        MaxTransferFactor = stop.MaxTransferFactor == 0 ? null : Times("stop.max_transfer_factor", stop.MaxTransferFactor),
        MaxTotalTime = _violations.Duration("stop.max_total_time", stop.MaxTotalTime, s_second, s_week),
        MaxTotalTimePerGibibyte = _violations.Duration("stop.max_total_time_per_gib", stop.MaxTotalTimePerGib, s_second, s_hour),
    };

    private BandwidthTerms Bandwidth(V1.BandwidthTerms bandwidth) => new()
    {
        Max = Rate("bandwidth.max_bytes_per_second", bandwidth.MaxBytesPerSecond),
        SwitchOver = Rate("bandwidth.switchover_bytes_per_second", bandwidth.SwitchoverBytesPerSecond),
    };

    private List<TParsed> Many<TMessage, TParsed>(
        string path, IReadOnlyList<TMessage> messages, int max, Func<string, TMessage, TParsed> parse)
    {
        _violations.Count(path, messages.Count, max);
        return [.. messages.Take(max).Select((message, index) => parse($"{path}[{index}]", message))];
    }

    private int Count(string path, uint value, uint max) => (int)_violations.Range(path, value, 1, max);

    /// <param name="usual">What 0 means.</param>
    private int Percent(string path, uint value, uint min, uint usual) => (int)_violations.Range(path, value == 0 ? usual : value, min, 99);

    private double Times(string path, double value)
    {
        if (!(value > 0 && value <= 1000))
        {
            _violations.Add(path, FormattableString.Invariant($"must be above 0 and at most 1000, is {value}"));
        }

        return value;
    }

    private double MinImprovement(string path, double value)
    {
        if (!(value >= 0 && value <= 0.9))
        {
            _violations.Add(path, FormattableString.Invariant($"must be 0 to 0.9, is {value}"));
        }

        return value == 0 ? 0.05 : value;
    }

    private DataRate? Rate(string path, ulong bytesPerSecond) =>
        bytesPerSecond == 0 ? null : new DataRate(_violations.Range(path, bytesPerSecond, 0, long.MaxValue));

    private T Missing<T>(string path, string description, T placeholder)
    {
        _violations.Add(path, description);
        return placeholder;
    }
}
