namespace Orchestrator.Policy.Convergence;

/// <summary>What a document's steps and their triggers must be.</summary>
internal static class StepRules
{
    private const int MaxSteps = 16;
    private const int MaxTriggers = 8;

    public static void Check(DocumentFindings findings, ConvergenceDocument document)
    {
        var steps = document.Steps;
        if (steps.Count is < 1 or > MaxSteps)
        {
            findings.Add("steps", FormattableString.Invariant($"must be 1 to {MaxSteps}, are {steps.Count}"));
        }

        if (steps is [.., var last] && !Ends(last.Action))
        {
            findings.Add($"steps[{Figure.Count(steps.Count - 1)}]", $"is the last and must be abort or post_copy, is {Name(last.Action)}");
        }

        for (var index = 0; index < steps.Count; index++)
        {
            Step(findings, document, index);
        }
    }

    private static void Step(DocumentFindings findings, ConvergenceDocument document, int index)
    {
        var steps = document.Steps;
        var step = steps[index];
        var field = $"steps[{Figure.Count(index)}]";
        var name = Name(step.Action);
        if (index < steps.Count - 1 && Ends(step.Action))
        {
            findings.Add(field, $"is {name}, which ends the migration, and must be the last step");
        }

        if (steps.Take(index).Any(earlier => Name(earlier.Action) == name))
        {
            findings.Add(field, $"repeats {name}, which is done once; remove one of them");
        }

        if (document.Pacing is Pacing.Predictive)
        {
            if (step.When.Count > 0)
            {
                findings.Add($"{field}.when", "must be empty with predictive pacing, which takes a step when the numbers ask for it; remove the triggers");
            }
        }
        else if (step.When.Count == 0 && step.Action is not LadderAction.RaiseDowntime)
        {
            findings.Add($"{field}.when", $"must have a trigger; only raise_downtime may have none, this is {name}");
        }

        if (step.When.Count > MaxTriggers)
        {
            findings.Add($"{field}.when", FormattableString.Invariant($"must be at most {MaxTriggers}, are {step.When.Count}"));
        }

        Action(findings, $"{field}.{name}", step.Action, document);
        var raisesBefore = steps.Take(index).Any(earlier => earlier.Action is LadderAction.RaiseDowntime);
        for (var trigger = 0; trigger < step.When.Count; trigger++)
        {
            Trigger(findings, $"{field}.when[{Figure.Count(trigger)}]", step.When[trigger], raisesBefore);
        }
    }

    private static void Action(DocumentFindings findings, string field, LadderAction action, ConvergenceDocument document)
    {
        switch (action)
        {
            case LadderAction.Throttle throttle:
                Throttle(findings, field, throttle);
                break;
            case LadderAction.Pause pause:
                findings.Time($"{field}.max_pause", pause.MaxPause, DocumentRules.ShortestDowntime, DocumentRules.Hour);
                break;
            case LadderAction.PostCopy postCopy:
                DocumentRules.Rate(findings, $"{field}.max_bytes_per_second", postCopy.MaxRate);
                if (document.FreePageHint)
                {
                    findings.Add(
                        "free_page_hint",
                        "must be off together with a post_copy step: a page hinted free and then asked for would never arrive");
                }

                break;
        }
    }

    private static void Throttle(DocumentFindings findings, string field, LadderAction.Throttle throttle)
    {
        findings.Count($"{field}.initial_percent", throttle.InitialPercent, 1, 99);
        findings.Count($"{field}.increment_percent", throttle.IncrementPercent, 1, 99);
        findings.Count($"{field}.max_percent", throttle.MaxPercent, Math.Clamp(throttle.InitialPercent, 1, 99), 99);
    }

    private static void Trigger(DocumentFindings findings, string field, Trigger trigger, bool raisesBefore)
    {
        switch (trigger)
        {
            case Trigger.Stalled stalled:
                findings.Count($"{field}.stalled.rounds", stalled.Rounds, 1, 1000);
                if (!(stalled.MinImprovement is >= 0 and <= 0.9))
                {
                    findings.Add(
                        $"{field}.stalled.min_improvement", FormattableString.Invariant($"must be 0 to 0.9, is {stalled.MinImprovement}"));
                }

                break;
            case Trigger.PassesAbove above:
                findings.Count($"{field}.passes_above", above.Passes, 1, 1_000_000);
                break;
            case Trigger.TransferredAbove above:
                findings.Above($"{field}.transferred_above_ram_times", above.RamTimes, 0, 1000);
                break;
            case Trigger.ElapsedAbove above:
                findings.Time($"{field}.elapsed_above", above.Duration, DocumentRules.Second, DocumentRules.Week);
                break;
            case Trigger.ElapsedAbovePerGibibyte above:
                findings.Time($"{field}.elapsed_above_per_gib", above.Duration, DocumentRules.Second, DocumentRules.Hour);
                break;
            case Trigger.NoProgressFor patience:
                findings.Time($"{field}.no_progress_for", patience.Duration, DocumentRules.Second, DocumentRules.Day);
                break;
            case Trigger.LimitExhausted exhausted:
                findings.Time($"{field}.limit_exhausted.for", exhausted.For, TimeSpan.Zero, DocumentRules.Day);
                if (!raisesBefore)
                {
                    findings.Add($"{field}.limit_exhausted", "needs a raise_downtime step before it: nothing raises the limit to its cap");
                }

                break;
        }
    }

    private static bool Ends(LadderAction action) => action is LadderAction.Abort or LadderAction.PostCopy;

    private static string Name(LadderAction action) => action switch
    {
        LadderAction.RaiseDowntime => "raise_downtime",
        LadderAction.Throttle => "throttle",
        LadderAction.PostCopy => "post_copy",
        LadderAction.Pause => "pause",
        LadderAction.Abort => "abort",
        _ => throw new System.Diagnostics.UnreachableException($"No arm for {action}."),
    };
}
