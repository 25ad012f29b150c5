namespace Orchestrator.Policy.Convergence;

/// <summary>The limit's way up: which pacing speaks, and what holds for all (never above the budget, never by less than 1 ms).</summary>
internal static class Climb
{
    private static readonly TimeSpan s_leastRise = TimeSpan.FromMilliseconds(1);

    /// <param name="begunBy">The rule that began it.</param>
    /// <param name="at">Since when its first wait counts.</param>
    public static ConvergenceMoment Begin(ConvergenceMoment moment, string begunBy, TimeSpan at) => moment with
    {
        State = moment.State with
        {
            Pacing = Beat(moment, moment.State.Pacing) with { RaisingSince = at, BeatAt = at, BegunBy = begunBy },
        },
    };

    /// <summary>Notes what time alone changes: since when there is nothing higher, and the pass to count from once it is known.</summary>
    public static ConvergenceMoment Settle(ConvergenceMoment moment)
    {
        var pacing = moment.State.Pacing;
        if (pacing.RaisingSince is null)
        {
            return moment;
        }

        // In the first pass no limit can end the copy, so time at the cap does not count there.
        TimeSpan? exhaustedAt = moment.Reading.FirstPass || Next(moment) is not null ? null : pacing.ExhaustedAt ?? moment.Elapsed;
        return moment with
        {
            State = moment.State with
            {
                Pacing = pacing with { ExhaustedAt = exhaustedAt, BeatPasses = pacing.BeatPasses ?? moment.Passes },
            },
        };
    }

    public static ConvergenceStep? Raise(ConvergenceMoment moment)
    {
        if (moment.State.Pacing.RaisingSince is null || Next(moment) is not { } rise || rise.Due(moment) is not { } due)
        {
            return null;
        }

        var raised = moment.State with
        {
            Limit = rise.Limit,
            Pacing = Beat(moment, moment.State.Pacing) with { NextRung = rise.NextRung },
        };
        var (before, after) = (Figure.Milliseconds(moment.State.Limit), Figure.Milliseconds(rise.Limit));
        var text = $"Downtime limit from {before} ms to {after} ms: {due.Because}";
        return new ConvergenceStep(
            Settle(moment with { State = raised }).State,
            new ConvergenceDecision.SetDowntimeLimit(rise.Limit),
            Explaining.Explain(moment, due.Condition, text, due.Inputs));
    }

    /// <returns>Null when there is nothing higher.</returns>
    private static Rise? Next(ConvergenceMoment moment)
    {
        var budget = moment.Terms.Budget;
        var rise = moment.Terms.Document.Pacing switch
        {
            Pacing.Exponential exponential => ExponentialPacing.Next(exponential, moment.State.Limit),
            Pacing.Ladder ladder => LadderPacing.Next(ladder, moment.State.Pacing.NextRung, LeastNext(moment)),
            // It sets the limit itself.
            null or Pacing.Predictive => null,
            var pacing => throw new System.Diagnostics.UnreachableException($"No arm for {pacing}."),
        };
        return rise is null || LeastNext(moment) > budget ? null
            : rise.Limit > budget ? rise with { Limit = budget }
            : rise.Limit < LeastNext(moment) ? rise with { Limit = LeastNext(moment) }
            : rise;
    }

    private static TimeSpan LeastNext(ConvergenceMoment moment) => moment.State.Limit + s_leastRise;

    private static PacingProgress Beat(ConvergenceMoment moment, PacingProgress pacing) => pacing with
    {
        BeatAt = moment.Elapsed,
        BeatJudged = moment.State.Rounds.Judged,
        BeatPasses = moment.Passes,
    };
}

/// <summary>The next rise of a pacing and when it is due.</summary>
/// <param name="NextRung">Rung to wait for after it; 0 where there are none.</param>
/// <param name="Due">The reason, with the whole rule as its condition; null while it is not due.</param>
internal sealed record Rise(TimeSpan Limit, int NextRung, Func<ConvergenceMoment, Finding?> Due);
