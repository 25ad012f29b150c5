using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using BandwidthTerms = Orchestrator.Policy.Convergence.BandwidthTerms;
using LadderStep = Orchestrator.Policy.Convergence.LadderStep;
using RetryTerms = Orchestrator.Policy.Convergence.RetryTerms;
using Rung = Orchestrator.Policy.Convergence.Rung;
using StopConditions = Orchestrator.Policy.Convergence.StopConditions;
using Trigger = Orchestrator.Policy.Convergence.Trigger;

namespace Orchestrator.PolicyMessages;

/// <summary>
/// Turns a policy document into the values that policy works with. What only a message can have wrong (missing parts, lists without end,
/// durations that are none) is found here, the rest by <see cref="DocumentRules"/>; a caller hears of everything at once.
/// </summary>
public sealed class PolicyDocumentParser
{
    private const int MaxDescriptionCharacters = 1000;
    private const int MaxSteps = 16;
    private const int MaxTriggers = 8;
    private const int MaxRungs = 64;
    private const double UsualImprovement = 0.05;
    private const string MissingAction = ".action";

    // Stand in for what is missing and give the rules no cause to speak of it too.
    private static readonly TimeSpan s_anyLimit = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_anyCap = TimeSpan.FromSeconds(2000);

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
        parser.AddRules(parsed);
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
            InitialDowntime = Required("initial_downtime", document.InitialDowntime, s_anyLimit),
            MaxDowntime = Required("max_downtime", document.MaxDowntime, s_anyCap),
            Pacing = document.PacingCase switch
            {
                PolicyDocument.PacingOneofCase.None => null,
                PolicyDocument.PacingOneofCase.Exponential => Exponential(document.Exponential),
                PolicyDocument.PacingOneofCase.Ladder => Ladder(document.Ladder),
                PolicyDocument.PacingOneofCase.Predictive => new Pacing.Predictive(),
            },
            Steps = Many("steps", document.Steps, MaxSteps, (path, step) => Step(path, step, document.Steps)),
            Stop = Stop(document.Stop ?? new V1.StopConditions()),
            Bandwidth = Bandwidth(document.Bandwidth ?? new V1.BandwidthTerms()),
            FreePageHint = document.FreePageHint,
            OnControlPlaneLoss = Loss(document.OnControlPlaneLoss),
            Retry = document.Retry is { } retry ? Retry(retry) : null,
        };
    }

    private ControlPlaneLoss Loss(OnControlPlaneLoss loss)
    {
        switch (loss)
        {
            case OnControlPlaneLoss.Unspecified:
            case OnControlPlaneLoss.Continue:
                return ControlPlaneLoss.Continue;
            case OnControlPlaneLoss.AgentDecides:
                return ControlPlaneLoss.AgentDecides;
            case OnControlPlaneLoss.AbortAtDeadline:
                return ControlPlaneLoss.AbortAtDeadline;
            default:
                _violations.Add("on_control_plane_loss", $"must be CONTINUE, AGENT_DECIDES or ABORT_AT_DEADLINE, is {(int)loss}");
                return ControlPlaneLoss.Continue;
        }
    }

    private RetryTerms Retry(V1.RetryTerms retry) => new(
        Count(retry.Attempts),
        Required("retry.backoff", retry.Backoff, TimeSpan.FromSeconds(1)),
        retry.NextPolicy.Length == 0 ? null : _violations.Name("retry.next_policy", retry.NextPolicy));

    private Pacing.Exponential Exponential(ExponentialPacing pacing) => new(
        pacing.Factor,
        Optional("exponential.time", pacing.Time),
        pacing.EveryCase == ExponentialPacing.EveryOneofCase.StalledRounds ? Count(pacing.StalledRounds) : null,
        Optional("exponential.start_after", pacing.StartAfter) ?? TimeSpan.Zero);

    private Pacing.Ladder Ladder(LadderPacing pacing) => new(Many("ladder.rungs", pacing.Rungs, MaxRungs, (path, rung) => new Rung(
        Required($"{path}.limit", rung.Limit, s_anyLimit),
        rung.AfterCase switch
        {
            V1.Rung.AfterOneofCase.Passes => new RungWait.Passes(Count(rung.Passes)),
            V1.Rung.AfterOneofCase.Time => new RungWait.Time(Required($"{path}.time", rung.Time, TimeSpan.Zero)),
            V1.Rung.AfterOneofCase.TimePerGib =>
                new RungWait.TimePerGibibyte(Required($"{path}.time_per_gib", rung.TimePerGib, TimeSpan.Zero)),
            V1.Rung.AfterOneofCase.StalledRounds => new RungWait.StalledRounds(Count(rung.StalledRounds)),
            V1.Rung.AfterOneofCase.None => Missing<RungWait>(
                $"{path}.after", "is missing; give passes, time, time_per_gib or stalled_rounds", new RungWait.Passes(1)),
        })));

    private LadderStep Step(string path, V1.LadderStep step, IReadOnlyList<V1.LadderStep> all) => new(
        step.ActionCase switch
        {
            V1.LadderStep.ActionOneofCase.RaiseDowntime => new LadderAction.RaiseDowntime(),
            V1.LadderStep.ActionOneofCase.Throttle => Throttle(step.Throttle),
            V1.LadderStep.ActionOneofCase.PostCopy =>
                new LadderAction.PostCopy(Rate($"{path}.post_copy.max_bytes_per_second", step.PostCopy.MaxBytesPerSecond) ?? DataRate.Zero),
            V1.LadderStep.ActionOneofCase.Pause => new LadderAction.Pause(
                Required($"{path}.pause.max_pause", step.Pause.MaxPause, TimeSpan.Zero)),
            V1.LadderStep.ActionOneofCase.Abort => new LadderAction.Abort(),
            V1.LadderStep.ActionOneofCase.None => Missing(
                $"{path}{MissingAction}", "is missing; give raise_downtime, throttle, post_copy, pause or abort", AnyAction(step, all)),
        },
        Many($"{path}.when", step.When, MaxTriggers, Trigger));

    // One that fits there and that no other step has: the rules are to judge the other steps, not the stand-in.
    private static LadderAction AnyAction(V1.LadderStep missing, IReadOnlyList<V1.LadderStep> all)
    {
        var used = all.Select(step => step.ActionCase).ToHashSet();
        return ReferenceEquals(missing, all[^1]) ? new LadderAction.Abort()
            : !used.Contains(V1.LadderStep.ActionOneofCase.Throttle) ? new LadderAction.Throttle(1, 1, 99)
            : !used.Contains(V1.LadderStep.ActionOneofCase.Pause) ? new LadderAction.Pause(s_anyLimit)
            : new LadderAction.RaiseDowntime();
    }

    private static LadderAction.Throttle Throttle(Throttle throttle) => new(
        Percent(throttle.InitialPercent, usual: 20),
        Percent(throttle.IncrementPercent, usual: 10),
        Percent(throttle.MaxPercent, usual: 80));

    private Trigger Trigger(string path, V1.Trigger trigger) => trigger.ConditionCase switch
    {
        V1.Trigger.ConditionOneofCase.Stalled => new Trigger.Stalled(
            Count(trigger.Stalled.Rounds), trigger.Stalled.MinImprovement == 0 ? UsualImprovement : trigger.Stalled.MinImprovement),
        V1.Trigger.ConditionOneofCase.Infeasible => new Trigger.Infeasible(),
        V1.Trigger.ConditionOneofCase.PassesAbove => new Trigger.PassesAbove(Count(trigger.PassesAbove)),
        V1.Trigger.ConditionOneofCase.TransferredAboveRamTimes => new Trigger.TransferredAbove(trigger.TransferredAboveRamTimes),
        V1.Trigger.ConditionOneofCase.ElapsedAbove => new Trigger.ElapsedAbove(
            Required($"{path}.elapsed_above", trigger.ElapsedAbove, TimeSpan.Zero)),
        V1.Trigger.ConditionOneofCase.ElapsedAbovePerGib => new Trigger.ElapsedAbovePerGibibyte(
            Required($"{path}.elapsed_above_per_gib", trigger.ElapsedAbovePerGib, TimeSpan.Zero)),
        V1.Trigger.ConditionOneofCase.NoProgressFor => new Trigger.NoProgressFor(
            Required($"{path}.no_progress_for", trigger.NoProgressFor, TimeSpan.Zero)),
        V1.Trigger.ConditionOneofCase.LimitExhausted => new Trigger.LimitExhausted(
            Optional($"{path}.limit_exhausted.for", trigger.LimitExhausted.For) ?? TimeSpan.Zero),
        V1.Trigger.ConditionOneofCase.None => Missing<Trigger>(
            $"{path}.condition",
            "is missing; give stalled, infeasible, passes_above, transferred_above_ram_times, elapsed_above, elapsed_above_per_gib, "
            + "no_progress_for or limit_exhausted",
            new Trigger.Infeasible()),
    };

    private StopConditions Stop(V1.StopConditions stop) => new()
    {
        MaxPasses = stop.MaxPasses == 0 ? null : Count(stop.MaxPasses),
        MaxTransferFactor = stop.MaxTransferFactor == 0 ? null : stop.MaxTransferFactor,
        MaxTotalTime = Optional("stop.max_total_time", stop.MaxTotalTime),
        MaxTotalTimePerGibibyte = Optional("stop.max_total_time_per_gib", stop.MaxTotalTimePerGib),
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

    /// <summary>Saturates: what is that large is out of every range.</summary>
    private static int Count(uint value) => (int)Math.Min(value, int.MaxValue);

    /// <param name="usual">What 0 means.</param>
    private static int Percent(uint value, int usual) => value == 0 ? usual : Count(value);

    private DataRate? Rate(string path, ulong bytesPerSecond) =>
        bytesPerSecond == 0 ? null : new DataRate(_violations.Range(path, bytesPerSecond, 0, long.MaxValue));

    private TimeSpan? Optional(string path, Google.Protobuf.WellKnownTypes.Duration? duration) =>
        _violations.Duration(path, duration, TimeSpan.MinValue, TimeSpan.MaxValue);

    private TimeSpan Required(string path, Google.Protobuf.WellKnownTypes.Duration? duration, TimeSpan placeholder) =>
        duration is null ? Missing(path, "is missing", placeholder) : Optional(path, duration) ?? placeholder;

    private T Missing<T>(string path, string description, T placeholder)
    {
        _violations.Add(path, description);
        return placeholder;
    }

    private void AddRules(ConvergenceDocument parsed)
    {
        // What has been found missing or none is a stand-in, of which the rules have nothing to say.
        var known = _violations.Found.Select(found => found.Field).ToList();
        foreach (var (field, description) in DocumentRules.Violations(parsed))
        {
            if (!known.Exists(path => path == field || IsOfStandIn(field, path)))
            {
                _violations.Add(field, description);
            }
        }
    }

    private static bool IsOfStandIn(string field, string known) =>
        known.EndsWith(MissingAction, StringComparison.Ordinal)
        && field.StartsWith(known[..^MissingAction.Length], StringComparison.Ordinal);
}
