using System.Diagnostics;

namespace Orchestrator.Policy.Convergence;

/// <summary>
/// What becomes of a running copy while no control plane commands it, and how two who decide on one copy in turn learn from each other what
/// was done: the source's agent from the commands it was given, the control plane from the agent's decisions. Pure, like
/// <see cref="ConvergencePolicy"/>.
/// </summary>
public static class UnattendedPolicy
{
    /// <summary>What is to be done on a reading that nobody else sees. Never anything but what the document's word for it allows.</summary>
    public static ConvergenceStep Step(ConvergenceTerms terms, ConvergenceState state, ConvergenceReading reading) =>
        terms.Document.OnControlPlaneLoss switch
        {
            ControlPlaneLoss.Continue => ConvergenceStep.Nothing(state),
            ControlPlaneLoss.AgentDecides => ConvergencePolicy.Step(terms, state, reading),
            ControlPlaneLoss.AbortAtDeadline => UntilTheDeadline(terms, state, reading),
        };

    /// <summary>The state of one who comes to a copy in the middle and has measured nothing of it yet.</summary>
    /// <param name="limit">The engine's.</param>
    /// <param name="since">When the document began to hold, since the engine's start: its waits count from there.</param>
    public static ConvergenceState Join(ConvergenceTerms terms, TimeSpan limit, TimeSpan since) => ConvergenceState.Start(terms) with
    {
        Limit = limit < terms.Budget ? limit : terms.Budget,
        Ladder = new LadderPosition { CountFrom = since },
    };

    /// <summary>
    /// Somebody else decided this on the same copy and it was carried out. The steps up to it are taken and are not taken again, waits count
    /// from it, and the limit is what was set, whatever this one had in mind.
    /// </summary>
    /// <param name="at">Since the engine's start.</param>
    public static ConvergenceState After(ConvergenceTerms terms, ConvergenceState state, ConvergenceDecision done, TimeSpan at) => done switch
    {
        ConvergenceDecision.Wait => state,
        ConvergenceDecision.SetDowntimeLimit(var limit, _) => AfterRise(terms, state, limit, at),
        ConvergenceDecision.StartThrottle => Taken(terms, state, StepOf<LadderAction.Throttle>(terms, _ => true), at),
        ConvergenceDecision.Pause(var longest) => AfterPause(terms, state, longest, at),
        ConvergenceDecision.Resume => PauseRules.Ended(state, at),
        ConvergenceDecision.StartPostCopy or ConvergenceDecision.Abort => state with { Committed = true },
        _ => throw new UnreachableException($"No arm for {done}."),
    };

    private static ConvergenceStep UntilTheDeadline(ConvergenceTerms terms, ConvergenceState state, ConvergenceReading reading)
    {
        if (reading.Sequence <= state.LastSequence)
        {
            return ConvergenceStep.Nothing(state);
        }

        var seen = state with { LastSequence = reading.Sequence };
        var moment = new ConvergenceMoment(terms, seen, reading, FreshNumbers.Of(reading));
        if (seen.Committed || reading.Activity is not EngineActivity.PreCopy || StopRules.OutOfTime(moment) is not { } over)
        {
            return ConvergenceStep.Nothing(seen);
        }

        return new ConvergenceStep(
            seen with { Committed = true },
            new ConvergenceDecision.Abort(),
            Explaining.Explain(moment, over.Condition, $"Giving up: {over.Because}", over.Inputs));
    }

    private static ConvergenceState AfterRise(ConvergenceTerms terms, ConvergenceState state, TimeSpan limit, TimeSpan at)
    {
        var raised = StepOf<LadderAction.RaiseDowntime>(terms, _ => true) is { } raise ? Climbing(state, raise, at) : state;
        return raised with
        {
            Limit = limit,
            Pacing = raised.Pacing with { BeatAt = at, BeatJudged = state.Rounds.Judged, BeatPasses = null, ExhaustedAt = null },
            Ladder = raised.Ladder.Next == state.Ladder.Next ? raised.Ladder : Counting(raised.Ladder, state, at),
        };
    }

    /// <summary>A pause that no step of the document has is a caller's.</summary>
    private static ConvergenceState AfterPause(ConvergenceTerms terms, ConvergenceState state, TimeSpan longest, TimeSpan at)
    {
        var step = StepOf<LadderAction.Pause>(terms, pause => pause.MaxPause == longest);
        return Taken(terms, state, step, at) with { Pause = new PauseInForce(at, longest, step) };
    }

    private static ConvergenceState Taken(ConvergenceTerms terms, ConvergenceState state, int? step, TimeSpan at)
    {
        if (step is not { } index)
        {
            return state;
        }

        // The ladder is walked in order: a climb that stands before this step had begun.
        var climbed = StepOf<LadderAction.RaiseDowntime>(terms, _ => true) is { } raise && raise < index ? Climbing(state, raise, at) : state;
        return climbed with
        {
            Infeasible = null,
            Ladder = Counting(climbed.Ladder, state, at) with
            {
                Next = Math.Max(climbed.Ladder.Next, index + 1),
                ActedInRound = state.Round,
            },
        };
    }

    private static ConvergenceState Climbing(ConvergenceState state, int raise, TimeSpan at) => state.Pacing.RaisingSince is not null ? state : state with
    {
        Ladder = state.Ladder with { Next = Math.Max(state.Ladder.Next, raise + 1) },
        Pacing = state.Pacing with
        {
            RaisingSince = at,
            BegunBy = LadderWalk.Name(raise),
            BeatAt = at,
            BeatJudged = state.Rounds.Judged,
            BeatPasses = null,
        },
    };

    private static LadderPosition Counting(LadderPosition ladder, ConvergenceState state, TimeSpan at) =>
        ladder with { CountFrom = at, CountFromJudged = state.Rounds.Judged };

    private static int? StepOf<TAction>(ConvergenceTerms terms, Func<TAction, bool> isIt)
        where TAction : LadderAction
    {
        var steps = terms.Document.Steps;
        for (var index = 0; index < steps.Count; index++)
        {
            if (steps[index].Action is TAction action && isIt(action))
            {
                return index;
            }
        }

        return null;
    }
}
