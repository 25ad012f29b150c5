namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>
/// Decides from the forecast: the limit just above what the copy reaches when that keeps the budget, the ladder's first sufficient step when
/// it does not, each once the readings have agreed on it for long enough. README.md beside this folder has the rules in order.
/// </summary>
internal static class PredictivePacing
{
    private const string Rule = "pacing.predictive";

    // Above what is expected, so that the engine's own count of the same amount is below it.
    private const double LimitMargin = 1.15;

    // A change of the limit by less is not worth a command.
    private const double WorthRaising = 1.1;
    private const double WorthTelling = 1.25;

    // A link whose windows stray by more than this is told to the engine, whose own window of 100 ms strays more.
    private const double Unsteady = 1.3;

    // A limit, and an amount, that are most of what the budget allows.
    private const double WideEnough = 0.7;

    // The end of the first pass is near: this many seconds, or this share of what it has taken.
    private const double LastSeconds = 2;
    private const double LastShare = 0.05;

    // Window by which looks are counted where no sync separates them.
    private static readonly double s_lookSeconds = 1;

    /// <returns>Null when nothing is to be done; the memory is kept either way.</returns>
    public static ConvergenceStep Decide(ConvergenceMoment moment)
    {
        var memory = Measuring.Take(moment.State.Predictive ?? new PredictiveMemory(), moment);
        if (PauseRules.Keep(With(moment, memory)) is { } paused)
        {
            return paused;
        }

        if (CopyNumbers.Of(memory, moment) is not { } numbers || Measuring.AmountOf(moment.Fresh) is null)
        {
            return ConvergenceStep.Nothing(With(moment, memory).State);
        }

        var at = moment.Elapsed.TotalSeconds;
        memory = CountVainSyncs(memory, numbers, moment.State.Limit.TotalSeconds, at);
        var outlook = Outlooks.AsItIs(memory, numbers, at);
        memory = outlook.Fits
            ? memory with { FittedAt = IsWorthRemembering(memory, outlook) ? at : memory.FittedAt, FitsSince = memory.FitsSince ?? at, Leaning = null }
            : memory with { FitsSince = null };
        if (outlook.Prospect is Prospect.Unknown)
        {
            return ConvergenceStep.Nothing(With(moment, memory with { Leaning = null }).State);
        }

        if (outlook.Fits)
        {
            return Limit(With(moment, memory), memory, outlook) ?? ConvergenceStep.Nothing(With(moment, memory).State);
        }

        var choice = Means.FirstThatFits(memory, moment, outlook, hopeful: true);
        memory = Lean(memory, choice.Option.Action, at);
        if (!choice.Sure && Ripe.HasHopedEnough(memory, at))
        {
            // What is waited for may never be seen: how little is dirtied in a time shorter than any pass or probe.
            // Before giving up, a throttle that may do is tried.
            var sure = Means.FirstThatFits(memory, moment, outlook, hopeful: false);
            choice = (choice.Option.Action, sure.Option.Action) is ("throttle", "abort") ? choice with { Sure = true } : sure;
        }

        var now = With(moment, memory);
        return choice.Sure && Ripe.IsRipe(memory, moment, outlook, choice.Option.Action)
            ? Act(now, memory, outlook, choice)
            : Widest(now, memory, outlook) ?? ConvergenceStep.Nothing(now.State);
    }

    /// <summary>A device that holds up the switch-over leaves little; a limit that is too narrow leaves much.</summary>
    private static PredictiveMemory CountVainSyncs(PredictiveMemory memory, CopyNumbers numbers, double limit, double at)
    {
        if (memory.Sync is not { } sync || sync.At < at)
        {
            return memory;
        }

        var inVain = limit >= WideEnough * numbers.LimitCap && sync.Amount >= WideEnough * numbers.Enough && numbers.Enough > 0;
        return memory with { SyncsInVain = inVain ? memory.SyncsInVain + 1 : 0 };
    }

    /// <summary>A first guess that it may get there is no reason to hope later.</summary>
    private static bool IsWorthRemembering(PredictiveMemory memory, Outlook outlook) =>
        outlook.Prospect is Prospect.Sure || memory.Curve.Seen >= 3 || memory.Sync is null;

    private static ConvergenceMoment With(ConvergenceMoment moment, PredictiveMemory memory) =>
        moment with { State = moment.State with { Predictive = memory } };

    /// <summary>A look counts when a sync, or a second, lies between it and the one before.</summary>
    private static PredictiveMemory Lean(PredictiveMemory memory, string action, double at)
    {
        if (memory.Leaning is not { } leaning)
        {
            return memory with { Leaning = new Leaning(action, at, 1) };
        }

        if (leaning.Action != action)
        {
            // That it does not fit is the conclusion; which step would help may change with every sync.
            return memory with { Leaning = leaning with { Action = action, Looks = 1 } };
        }

        var counted = memory.Sync is { } sync && sync.At >= at ? leaning.Looks + 1
            : 1 + (int)((at - leaning.Since) / s_lookSeconds);
        return memory with { Leaning = leaning with { Looks = Math.Max(leaning.Looks, counted) } };
    }

    /// <summary>The limit at what is worth waiting for, never above what keeps the budget.</summary>
    private static ConvergenceStep? Limit(ConvergenceMoment moment, PredictiveMemory memory, Outlook outlook)
    {
        var numbers = outlook.Numbers;
        if (moment.Reading.FirstPass && numbers.PassLeft > Math.Max(LastSeconds, LastShare * moment.Elapsed.TotalSeconds))
        {
            // No limit can end the first pass; what it should be then is known better when it comes near.
            return null;
        }

        var wanted = numbers.SwitchOverLow > 0
            ? LimitMargin * (outlook.Target + numbers.DevicesHigh) / numbers.SwitchOverLow
            : moment.State.Limit.TotalSeconds;
        return SetLimit(moment, memory, outlook, wanted, "fits", Words.Fits(outlook));
    }

    /// <summary>While it does not look good, the widest limit that keeps the promise: an unexpected lull is not let pass.</summary>
    private static ConvergenceStep? Widest(ConvergenceMoment moment, PredictiveMemory memory, Outlook outlook) =>
        outlook.Prospect is Prospect.DevicesTooLarge || moment.Reading.FirstPass
            ? null
            : SetLimit(moment, memory, outlook, double.PositiveInfinity, "widest", Words.Widest(outlook));

    private static ConvergenceStep? SetLimit(
        ConvergenceMoment moment, PredictiveMemory memory, Outlook outlook, double wanted, string condition, string because)
    {
        var numbers = outlook.Numbers;
        var told = Tell(memory, numbers, moment.Fresh);

        // An engine that reckons with its own last window may take a burst for the line: the limit makes up for it.
        var cap = numbers.LimitCap * (Heeds(memory, moment.Fresh) ? 1 : numbers.Steadiness);
        var limit = Math.Clamp(wanted, 0.001, Math.Max(0.001, cap));
        var current = moment.State.Limit.TotalSeconds;
        var raises = limit > WorthRaising * current || (limit > current && limit >= cap);
        if (!raises && told is null)
        {
            return null;
        }

        var after = Milliseconds(raises ? limit : Math.Min(current, cap));
        var before = moment.State.Limit;
        if (after == before && told is null)
        {
            return null;
        }

        var state = moment.State with
        {
            Limit = after,
            Predictive = memory with { ToldBandwidth = told ?? memory.ToldBandwidth },
        };
        DataRate? line = told is { } rate ? new DataRate((long)rate) : null;
        var text = (after == before ? $"Downtime limit stays at {Figure.Milliseconds(after)} ms"
                : $"Downtime limit from {Figure.Milliseconds(before)} ms to {Figure.Milliseconds(after)} ms")
            + (line is { } honest ? $", with {honest} told to the engine for the switch-over" : "") + $": {because}";
        return new ConvergenceStep(
            state,
            new ConvergenceDecision.SetDowntimeLimit(after, line),
            Words.Explain(moment, $"{Rule}.{condition}", text, outlook, []));
    }

    /// <summary>What it was told shows in its reports: it reckons the switch-over with that.</summary>
    private static bool Heeds(PredictiveMemory memory, FreshNumbers fresh) =>
        memory.ToldBandwidth is { } told && fresh.SwitchOverBandwidth is { } reckoned && Math.Abs(reckoned.BytesPerSecond - told) <= 0.01 * told;

    /// <returns>What the engine is to be told, when it is worth telling.</returns>
    private static double? Tell(PredictiveMemory memory, CopyNumbers numbers, FreshNumbers fresh)
    {
        var honest = numbers.SwitchOverLow;
        if (memory.ToldBandwidth is not null && fresh.SwitchOverBandwidth is not null && !Heeds(memory, fresh))
        {
            // An engine without avail-switchover-bandwidth.
            return null;
        }

        // A copy that has little to send shows little bandwidth, and the engine would wait for ever for a link that is there.
        var idle = fresh.SwitchOverBandwidth is { } reckoned && reckoned.BytesPerSecond * WorthTelling < honest;
        var wanted = numbers.Capped || memory.ToldBandwidth is not null || idle || numbers.Link.High > Unsteady * honest;
        if (!wanted || !numbers.Link.IsSound || honest < 1)
        {
            return null;
        }

        return memory.ToldBandwidth is not { } told || honest > WorthTelling * told || honest * WorthTelling < told ? honest : null;
    }

    private static ConvergenceStep Act(
        ConvergenceMoment moment, PredictiveMemory memory, Outlook outlook, Choice choice)
    {
        var (index, throttle, weighed) = (choice.Step, choice.Option.ThrottlePercent, choice.Weighed);
        var action = moment.Terms.Document.Steps[index].Action;
        if (action is LadderAction.Pause or LadderAction.Throttle && Widest(moment, memory, outlook) is { } first)
        {
            // What is left when the guest is stopped has to pass under the limit as well.
            return first;
        }

        var at = moment.Elapsed.TotalSeconds;
        var (decision, what) = action switch
        {
            LadderAction.Throttle bounds => (
                (ConvergenceDecision)new ConvergenceDecision.StartThrottle(throttle, Math.Max(1, bounds.IncrementPercent), throttle),
                $"Slowing the guest's CPUs by {Figure.Count(throttle)} %"),
            LadderAction.Pause pause => (
                new ConvergenceDecision.Pause(pause.MaxPause), $"Pausing the guest for at most {Figure.Milliseconds(pause.MaxPause)} ms"),
            LadderAction.PostCopy postCopy when moment.Terms.PostCopyPossible => (
                new ConvergenceDecision.StartPostCopy(postCopy.MaxRate), "Switching to post-copy"),
            LadderAction.PostCopy => (new ConvergenceDecision.Abort(), "Giving up, as post-copy is not possible for this guest"),
            LadderAction.Abort => (new ConvergenceDecision.Abort(), "Giving up"),
            _ => throw new System.Diagnostics.UnreachableException($"No arm for {action}."),
        };
        var state = moment.State with
        {
            Committed = decision is ConvergenceDecision.StartPostCopy or ConvergenceDecision.Abort,
            Pause = decision is ConvergenceDecision.Pause begun ? new PauseInForce(moment.Elapsed, begun.MaxPause, index) : null,
            Ladder = moment.State.Ladder with
            {
                // A throttle can be tightened later; every other step is taken once.
                Next = action is LadderAction.Throttle ? index : index + 1,
                CountFrom = moment.Elapsed,
                CountFromJudged = moment.State.Rounds.Judged,
                ActedInRound = moment.State.Round,
            },
            Predictive = action is LadderAction.Throttle
                ? memory with { Leaning = null, ThrottleAsked = throttle, ThrottleAskedAt = at, SyncsSinceThrottle = 0 }
                : memory with { Leaning = null },
        };
        var text = $"{what}: {Words.Because(outlook, weighed)}";
        return new ConvergenceStep(
            state, decision, Words.Explain(moment, $"steps[{Figure.Count(index)}].{weighed[^1].Action}.predicted", text, outlook, weighed));
    }

    /// <summary>Whole milliseconds, as engines take it.</summary>
    private static TimeSpan Milliseconds(double seconds) => TimeSpan.FromMilliseconds(Math.Max(1, Math.Floor(seconds * 1000)));
}
