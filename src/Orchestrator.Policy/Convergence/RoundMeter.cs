namespace Orchestrator.Policy.Convergence;

/// <summary>Keeps the rounds: what was measured, not what it means.</summary>
internal static class RoundMeter
{
    /// <summary>Share that counts as an improvement where the document names none (policy_document.proto, Stalled.min_improvement).</summary>
    public const double UsualImprovement = 0.05;

    private static readonly TimeSpan s_shortestWindow = TimeSpan.FromSeconds(10);

    /// <param name="paused">To converge, as reported or as decided.</param>
    public static RoundProgress Take(
        RoundProgress rounds, ConvergenceReading reading, FreshNumbers fresh, DataSize guestMemory, bool paused)
    {
        rounds = rounds with
        {
            HasFloor = rounds.HasFloor || fresh.StopCopy > DataSize.Zero,
            Window = Window(fresh, guestMemory) ?? rounds.Window,
        };
        var amount = AboveFloor(rounds, fresh);
        rounds = Roll(rounds, reading, fresh, amount);
        if (paused)
        {
            // A stopped guest dirties nothing: what the round shows says nothing about how the copy gets on with a running one.
            return rounds with { Partial = true };
        }

        return amount is { } bytes ? Sample(rounds, bytes, reading.Elapsed) : rounds;
    }

    /// <summary>Null when nothing believed is known, or when a device's floor was seen before and is not believed now.</summary>
    public static long? AboveFloor(RoundProgress rounds, FreshNumbers fresh) =>
        fresh.Remaining is { } remaining && (fresh.StopCopy is not null || !rounds.HasFloor)
            ? Math.Max(0, (remaining - (fresh.StopCopy ?? DataSize.Zero)).Bytes)
            : null;

    /// <summary>Twice the time that the guest's whole memory takes, so that a window holds at least one full sweep of the engine.</summary>
    private static TimeSpan? Window(FreshNumbers fresh, DataSize guestMemory)
    {
        if (fresh.Bandwidth is not { BytesPerSecond: > 0 } bandwidth)
        {
            return null;
        }

        var sweeps = (guestMemory + guestMemory) / bandwidth;
        return sweeps > s_shortestWindow ? sweeps : s_shortestWindow;
    }

    private static RoundProgress Roll(RoundProgress rounds, ConvergenceReading reading, FreshNumbers fresh, long? amount)
    {
        if (rounds.StartedAt is not { } startedAt)
        {
            return rounds with
            {
                StartedAt = reading.Elapsed,
                FirstPass = reading.FirstPass,
                Honest = reading.PassesHonest,
                Pass = fresh.Pass,
            };
        }

        if (reading.FirstPass)
        {
            return rounds;
        }

        if (rounds.FirstPass)
        {
            return Next(rounds, reading, fresh) with { LowBytes = null, FellAt = null };
        }

        if (rounds.Honest != reading.PassesHonest)
        {
            // The measure of a pass and that of a window cannot be compared.
            return Next(rounds, reading, fresh) with { Partial = true, BestBytes = null, LowBytes = null, FellAt = null };
        }

        if (rounds.Honest)
        {
            return fresh.Pass is not { } pass ? rounds
                : rounds.Pass is null ? rounds with { Pass = pass }
                : rounds.Pass == pass ? rounds
                : Next(Judge(rounds, reading.Elapsed), reading, fresh) with { LowBytes = null };
        }

        return amount is not null && rounds.Window is { } window && reading.Elapsed - startedAt >= window
            ? Next(Judge(rounds, reading.Elapsed), reading, fresh)
            : rounds;
    }

    private static RoundProgress Next(RoundProgress rounds, ConvergenceReading reading, FreshNumbers fresh) => rounds with
    {
        Number = rounds.Number + 1,
        StartedAt = reading.Elapsed,
        FirstPass = false,
        Honest = reading.PassesHonest,
        Partial = false,
        Pass = fresh.Pass,
        MeasureBytes = null,
    };

    private static RoundProgress Judge(RoundProgress rounds, TimeSpan at)
    {
        if (rounds.Partial || rounds.MeasureBytes is not { } measure)
        {
            return rounds;
        }

        var judged = rounds.Judged + 1;
        var lower = rounds.BestBytes is not { } best || measure < best;
        var share = Improvement(measure, rounds.BestBytes);
        return rounds with
        {
            Judged = judged,
            JudgedAt = at,
            ImprovedAt = lower ? at : rounds.ImprovedAt,
            BestBytes = lower ? measure : rounds.BestBytes,
            LastGain = lower && share >= UsualImprovement ? judged : rounds.LastGain,
            Improvements = share > 0
                ? [.. rounds.Improvements.Where(earlier => earlier.Share > share), new RoundImprovement(judged, share)]
                : rounds.Improvements,
        };
    }

    private static double Improvement(long measure, long? best) => (measure, best) switch
    {
        (0, _) or (_, null) => 1,
        (_, 0) => 0,
        // Rounded, so that nine tenths of the best is an improvement by one tenth in binary fractions too.
        _ => Math.Round(1 - ((double)measure / best.Value), 9),
    };

    private static RoundProgress Sample(RoundProgress rounds, long amount, TimeSpan at)
    {
        var measured = rounds with
        {
            MeasureBytes = rounds.MeasureBytes is not { } measure ? amount
                : rounds.Honest ? Math.Max(measure, amount)
                : Math.Min(measure, amount),
        };
        if (rounds.LowBytes is not { } low || amount < low)
        {
            return measured with { LowBytes = amount, FellAt = at };
        }

        // Within a pass the amount only falls; a new high means that what was seen before it still belonged to the pass before.
        return rounds.Honest && amount > rounds.MeasureBytes ? measured with { LowBytes = amount } : measured;
    }
}
