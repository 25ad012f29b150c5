using Quartz;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>When a schedule fires, found sound. There is no clock in here: time is an argument.</summary>
internal sealed record ScheduleTerms
{
    /// <summary>
    /// To ring and to look takes a moment: what is no later than this came in time, whatever the grace.
    /// </summary>
    public static readonly TimeSpan Punctual = TimeSpan.FromSeconds(5);

    // More of them are missed only by a cron that fires every few seconds; then their number is not told.
    private const int CountedAtMost = 1000;

    // A schedule that is blacked out this often in a row has no next firing worth telling.
    private const int LookAheadAtMost = 1000;

    /// <summary>Once; null when <see cref="Cron"/> says when.</summary>
    public DateTimeOffset? At { get; init; }

    /// <summary>In the schedule's time zone.</summary>
    public CronExpression? Cron { get; init; }

    public IReadOnlyList<BlackoutTerms> Blackouts { get; init; } = [];

    /// <summary>Null = no end.</summary>
    public TimeSpan? Window { get; init; }

    public TimeSpan MisfireGrace { get; init; }

    /// <summary>The first time that lies after another; null = never.</summary>
    public DateTimeOffset? NextAfter(DateTimeOffset after) => Cron is null ? At > after ? At : null : Cron.GetNextValidTimeAfter(after);

    /// <summary>The blackout that a moment falls into.</summary>
    public BlackoutTerms? BlackoutAt(DateTimeOffset moment) => Blackouts.FirstOrDefault(blackout => blackout.Covers(moment));

    /// <summary>The first from a due time on that falls into no blackout.</summary>
    public DateTimeOffset? FirstOutsideBlackouts(DateTimeOffset? due)
    {
        for (var looked = 0; due is { } at && looked < LookAheadAtMost; looked++)
        {
            if (BlackoutAt(at) is null)
            {
                return at;
            }

            due = NextAfter(at);
        }

        return null;
    }

    /// <summary>What is to be done at a moment about a schedule that has been due.</summary>
    /// <param name="due">Not after <paramref name="now"/>.</param>
    public ScheduleStep Step(DateTimeOffset due, DateTimeOffset now)
    {
        var oldest = now - (MisfireGrace > Punctual ? MisfireGrace : Punctual);
        DateTimeOffset? next = due;
        DateTimeOffset? lastMissed = null;
        var missed = 0;
        while (next < oldest && missed < CountedAtMost)
        {
            (lastMissed, missed) = (next, missed + 1);
            next = NextAfter(next.Value);
        }

        if (next < oldest)
        {
            next = NextAfter(oldest.AddTicks(-1));
        }

        // Of those that may be made up for the last stands for all.
        DateTimeOffset? fires = null;
        var madeUpFor = 0;
        while (next <= now)
        {
            (fires, madeUpFor) = (next, madeUpFor + 1);
            next = NextAfter(next.Value);
        }

        return new ScheduleStep(next)
        {
            Missed = lastMissed is { } last ? new MissedFirings(due, last, missed == CountedAtMost ? null : missed) : null,
            Fires = fires,
            MadeUpFor = madeUpFor,
        };
    }
}

/// <param name="Next">When it is due after that; null = never again.</param>
internal sealed record ScheduleStep(DateTimeOffset? Next)
{
    /// <summary>Too late to be made up for; null = none.</summary>
    public MissedFirings? Missed { get; init; }

    /// <summary>The due time that it fires for now; null = none.</summary>
    public DateTimeOffset? Fires { get; init; }

    /// <summary>Due times for which that one stands, itself included.</summary>
    public int MadeUpFor { get; init; }
}

/// <param name="Count">Null = too many to count.</param>
internal sealed record MissedFirings(DateTimeOffset First, DateTimeOffset Last, int? Count);
