using System.Diagnostics;

namespace Orchestrator.Policy.Convergence;

/// <summary>Walks the ladder of actions in order. Only the step that is next is looked at; a step once taken stays taken.</summary>
internal static class LadderWalk
{
    /// <summary>Moves over what needs no decision: steps that are not possible for this guest, and the beginning of a climb.</summary>
    public static ConvergenceMoment Advance(ConvergenceMoment moment)
    {
        var steps = moment.Terms.Document.Steps;
        for (var index = moment.State.Ladder.Next; index < steps.Count; index++)
        {
            if (steps[index].Action is LadderAction.RaiseDowntime)
            {
                if (Opening(steps[index], index, moment) is not { } rule)
                {
                    break;
                }

                // Without a trigger the climb belongs to the start of the ladder, however late the first reading came.
                var at = steps[index].When.Count == 0 ? moment.State.Ladder.CountFrom : moment.Elapsed;
                moment = Climb.Begin(moment with { State = Taken(moment, index, acting: false) }, rule, at);
            }
            else if (index < steps.Count - 1 && WhyImpossible(steps[index].Action, moment.Terms) is not null)
            {
                moment = moment with { State = moment.State with { Ladder = moment.State.Ladder with { Next = index + 1 } } };
            }
            else
            {
                break;
            }
        }

        return moment;
    }

    /// <summary>Takes the next step when one of its triggers holds.</summary>
    public static ConvergenceStep? Take(ConvergenceMoment moment)
    {
        var index = moment.State.Ladder.Next;
        var steps = moment.Terms.Document.Steps;
        return index < steps.Count && Triggers.FirstThatHolds(steps[index].When, moment) is { } finding
            ? Act(moment, index, $"{Name(index)}.{finding.Condition}", finding)
            : null;
    }

    /// <summary>Takes the last step at once, whatever lies between.</summary>
    public static ConvergenceStep End(ConvergenceMoment moment, Finding stop) =>
        Act(moment, moment.Terms.Document.Steps.Count - 1, stop.Condition, stop);

    private static ConvergenceStep Act(ConvergenceMoment moment, int index, string rule, Finding finding)
    {
        var terms = moment.Terms;
        var (decision, what) = terms.Document.Steps[index].Action switch
        {
            LadderAction.Throttle throttle => (
                new ConvergenceDecision.StartThrottle(throttle.InitialPercent, throttle.IncrementPercent, throttle.MaxPercent),
                $"Slowing the guest's CPUs by {throttle.InitialPercent} %, rising by {throttle.IncrementPercent} % "
                + $"up to {throttle.MaxPercent} %"),
            LadderAction.Pause pause => (
                new ConvergenceDecision.Pause(pause.MaxPause),
                $"Pausing the guest for at most {Figure.Milliseconds(pause.MaxPause)} ms"),
            LadderAction.PostCopy postCopy when terms.PostCopyPossible => (
                (ConvergenceDecision)new ConvergenceDecision.StartPostCopy(postCopy.MaxRate), "Switching to post-copy"),
            LadderAction.PostCopy unwanted => (new ConvergenceDecision.Abort(), $"Giving up, as {WhyImpossible(unwanted, terms)}"),
            LadderAction.Abort => (new ConvergenceDecision.Abort(), "Giving up"),
            var action => throw new UnreachableException($"No arm for {action}."),
        };
        var state = Taken(moment, index, acting: true) with
        {
            Committed = decision is ConvergenceDecision.StartPostCopy or ConvergenceDecision.Abort,
            Pause = decision is ConvergenceDecision.Pause begun ? new PauseInForce(moment.Elapsed, begun.MaxPause, index) : null,
        };
        var text = $"{what}: {finding.Because}{PassedOver(moment, index)}";
        return new ConvergenceStep(state, decision, Explaining.Explain(moment, rule, text, finding.Inputs));
    }

    /// <summary>Counting triggers of the next step count from here. What an acting step changes shows only after the next sync.</summary>
    private static ConvergenceState Taken(ConvergenceMoment moment, int index, bool acting)
    {
        var ladder = moment.State.Ladder with
        {
            Next = index + 1,
            CountFrom = moment.Elapsed,
            CountFromJudged = moment.State.Rounds.Judged,
        };
        return acting
            ? moment.State with { Ladder = ladder with { ActedInRound = moment.State.Round }, Infeasible = null }
            : moment.State with { Ladder = ladder };
    }

    /// <returns>The rule that begins the climb; null while none of its triggers holds.</returns>
    private static string? Opening(LadderStep step, int index, ConvergenceMoment moment) =>
        step.When.Count == 0 ? Name(index)
        : Triggers.FirstThatHolds(step.When, moment) is { } finding ? $"{Name(index)}.{finding.Condition}"
        : null;

    private static string PassedOver(ConvergenceMoment moment, int index)
    {
        var text = "";
        for (var before = index - 1; before >= 0; before--)
        {
            if (WhyImpossible(moment.Terms.Document.Steps[before].Action, moment.Terms) is not { } why)
            {
                break;
            }

            text = $"; {Name(before)} was passed over, as {why}{text}";
        }

        return text;
    }

    private static string? WhyImpossible(LadderAction action, ConvergenceTerms terms) => action switch
    {
        LadderAction.PostCopy when !terms.PostCopyPossible => "post-copy is not possible for this guest",
        LadderAction.Throttle when !terms.ThrottlePossible => "throttling was not prepared for this guest",
        _ => null,
    };

    public static string Name(int index) => $"steps[{Figure.Count(index)}]";
}
