namespace Orchestrator.Policy.Convergence;

/// <summary>What a document's pacing must be.</summary>
internal static class PacingRules
{
    private const int MaxRungs = 64;

    public static void Check(DocumentFindings findings, ConvergenceDocument document)
    {
        switch (document.Pacing)
        {
            case Pacing.Exponential exponential:
                Exponential(findings, exponential);
                break;
            case Pacing.Ladder ladder:
                Ladder(findings, ladder, document);
                break;
        }

        var raises = document.Steps.Any(step => step.Action is LadderAction.RaiseDowntime);
        if (raises && document.Pacing is null)
        {
            findings.Add("pacing", "is required when a step raises the downtime; give predictive, exponential or ladder, or remove raise_downtime");
        }
        else if (!raises && document.Pacing is { } unused)
        {
            findings.Add(Name(unused), "is never used: no step is raise_downtime; add one or remove the pacing");
        }
    }

    private static string Name(Pacing pacing) => pacing switch
    {
        Pacing.Ladder => "ladder",
        Pacing.Exponential => "exponential",
        Pacing.Predictive => "predictive",
        _ => throw new System.Diagnostics.UnreachableException($"No arm for {pacing}."),
    };

    private static void Exponential(DocumentFindings findings, Pacing.Exponential pacing)
    {
        findings.Above("exponential.factor", pacing.Factor, 1, 10);
        findings.Time("exponential.start_after", pacing.StartAfter, TimeSpan.Zero, DocumentRules.Day);
        if (pacing.EveryTime is null == pacing.EveryStalledRounds is null)
        {
            findings.Add("exponential.every", "must be exactly one of time and stalled_rounds");
        }

        if (pacing.EveryTime is { } time)
        {
            findings.Time("exponential.time", time, DocumentRules.Second, DocumentRules.Hour);
        }

        if (pacing.EveryStalledRounds is { } rounds)
        {
            findings.Count("exponential.stalled_rounds", rounds, 1, 1000);
        }
    }

    private static void Ladder(DocumentFindings findings, Pacing.Ladder pacing, ConvergenceDocument document)
    {
        if (pacing.Rungs.Count is < 1 or > MaxRungs)
        {
            findings.Add("ladder.rungs", FormattableString.Invariant($"must be 1 to {MaxRungs}, are {pacing.Rungs.Count}"));
        }

        for (var index = 0; index < pacing.Rungs.Count; index++)
        {
            var field = $"ladder.rungs[{Figure.Count(index)}]";
            var rung = pacing.Rungs[index];
            DocumentRules.Downtime(findings, $"{field}.limit", rung.Limit, document);
            if (index > 0 && rung.Limit <= pacing.Rungs[index - 1].Limit)
            {
                var before = DocumentFindings.Words(pacing.Rungs[index - 1].Limit);
                findings.Add($"{field}.limit", $"must be above the rung before, {before}, is {DocumentFindings.Words(rung.Limit)}");
            }

            Wait(findings, field, rung.After);
        }
    }

    private static void Wait(DocumentFindings findings, string field, RungWait wait)
    {
        switch (wait)
        {
            case RungWait.Passes passes:
                findings.Count($"{field}.passes", passes.Count, 1, 1000);
                break;
            case RungWait.Time time:
                findings.Time($"{field}.time", time.Duration, DocumentRules.Second, DocumentRules.Day);
                break;
            case RungWait.TimePerGibibyte time:
                findings.Time($"{field}.time_per_gib", time.Duration, DocumentRules.Second, DocumentRules.Hour);
                break;
            case RungWait.StalledRounds rounds:
                findings.Count($"{field}.stalled_rounds", rounds.Count, 1, 1000);
                break;
        }
    }
}
