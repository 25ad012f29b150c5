namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>What the ladder offers for a copy that does not get there by itself: each step weighed by the model, in the ladder's order.</summary>
internal static class Means
{
    // The part of a pause that is not sending: stopping, the last sync, starting on the target.
    private const double PauseSlack = 1.1;

    /// <param name="hopeful">What only the hopeful end of the band allows is a choice too.</param>
    /// <returns>The first step that makes it fit, or may, or the last one; and what was passed over, with the reason.</returns>
    public static Choice FirstThatFits(
        PredictiveMemory memory, ConvergenceMoment moment, Outlook outlook, bool hopeful)
    {
        var steps = moment.Terms.Document.Steps;
        List<Alternative> weighed = [Plain(outlook)];
        for (var index = moment.State.Ladder.Next; index < steps.Count; index++)
        {
            var last = index == steps.Count - 1;
            if (steps[index].Action is LadderAction.RaiseDowntime)
            {
                continue;
            }

            var (option, sure) = Weigh(steps[index].Action, memory, moment, outlook, hopeful, last);
            weighed.Add(option);
            if (option.Fits || last)
            {
                return new Choice(index, sure, weighed);
            }
        }

        // Everything was taken and the copy still runs: the last step ends it, whatever it was.
        return new Choice(steps.Count - 1, true, weighed);
    }

    private static Alternative Plain(Outlook outlook)
    {
        var numbers = outlook.Numbers;
        var verdict = outlook.Prospect switch
        {
            Prospect.DevicesTooLarge =>
                $"no limit within the budget is enough for the devices' {Bytes(numbers.DevicesLow)} of stop-copy state",
            Prospect.TooLate when outlook.FloorLow <= 0 && outlook.TimeLow is null =>
                $"what remains, {Bytes(numbers.Left)}, does not get over the link before the deadline",
            Prospect.TooLate => "it would get there, but not before the deadline",
            Prospect.Hopeless => $"pre-copy comes to rest at {Bytes(outlook.FloorHigh)} or more",
            Prospect.Unlikely => $"pre-copy comes to rest at about {Bytes(outlook.FloorHigh)}",
            Prospect.Sure or Prospect.Likely => "it gets within the budget by itself",
            Prospect.Unknown => "too little is known yet",
        };
        return new Alternative(
            "raise_downtime", 0, outlook.Fits, Outlook.Time(numbers.DowntimeLow(outlook.FloorLow)), Outlook.Time(numbers.DowntimeHigh(outlook.FloorHigh)),
            outlook.TimeMiddle is { } time ? Outlook.Time(time) : null, verdict);
    }

    /// <returns>The step weighed by the middle of the band, or by its hopeful end; sure says that it was the middle.</returns>
    private static (Alternative Option, bool Sure) Weigh(
        LadderAction action, PredictiveMemory memory, ConvergenceMoment moment, Outlook outlook, bool hopeful, bool last) =>
        action switch
        {
            LadderAction.Throttle throttle => Throttle(throttle, memory, moment, outlook, hopeful),
            LadderAction.Pause pause => Pause(pause, outlook, hopeful),
            LadderAction.PostCopy => (PostCopy(moment, outlook, last), true),
            LadderAction.Abort =>
                (new Alternative("abort", 0, true, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, "nothing before it makes it fit"), true),
            _ => throw new System.Diagnostics.UnreachableException($"No arm for {action}."),
        };

    private static (Alternative Option, bool Sure) Throttle(
        LadderAction.Throttle throttle, PredictiveMemory memory, ConvergenceMoment moment, Outlook outlook, bool hopeful)
    {
        var numbers = outlook.Numbers;
        if (!moment.Terms.ThrottlePossible)
        {
            return None("throttling was not prepared for this guest");
        }

        if (outlook.Prospect is Prospect.DevicesTooLarge)
        {
            return None("slower CPUs make no device's state smaller");
        }

        if (outlook.Prospect is Prospect.TooLate && outlook.TimeLow is null)
        {
            return None("slower CPUs do not shorten what is sent for the first time");
        }

        var from = Math.Max(moment.Reading.ThrottlePercent, memory.ThrottleAsked);
        if (from >= throttle.MaxPercent)
        {
            return None($"the guest is throttled by {Figure.Count(from)} % already, as far as is permitted");
        }

        var sized = Outlooks.Throttled(memory, numbers, from, throttle.MaxPercent, hopeful: false);
        var sure = sized is not null;
        sized ??= hopeful ? Outlooks.Throttled(memory, numbers, from, throttle.MaxPercent, hopeful: true) : null;
        if (sized is not var (percent, time, reached))
        {
            return None($"even {Figure.Count(throttle.MaxPercent)} % of throttling, the most permitted, would not be enough");
        }

        // No less than the step's own beginning: what is dirtied is known to a fifth or so, and a step that falls short costs passes.
        percent = Math.Min(throttle.MaxPercent, Math.Max(Generous(percent), throttle.InitialPercent));
        var option = new Alternative(
            "throttle", percent, true, Outlook.Time(numbers.DowntimeLow(reached)), Outlook.Time(numbers.DowntimeHigh(reached)), Outlook.Time(time),
            $"with {Figure.Count(percent)} % of throttling it gets within the budget");
        return (option, sure);

        (Alternative Option, bool Sure) None(string why) => (
            new Alternative(
                "throttle", throttle.MaxPercent, false, Outlook.Time(numbers.DowntimeLow(outlook.FloorHigh)),
                Outlook.Time(numbers.DowntimeHigh(outlook.FloorHigh)), null, why),
            true);
    }

    /// <summary>A tenth less of what the guest would be left with.</summary>
    private static int Generous(int percent) => 100 - (int)Math.Floor((100 - percent) * 0.9);

    private static (Alternative Option, bool Sure) Pause(LadderAction.Pause pause, Outlook outlook, bool hopeful)
    {
        var numbers = outlook.Numbers;
        var (low, high) = (Outlook.Time(numbers.DowntimeLow(0)), Outlook.Time(numbers.DowntimeHigh(0)));
        if (numbers.DowntimeLow(0) > numbers.Budget)
        {
            return (new Alternative("pause", 0, false, low, high, null, "the devices' state takes longer than the budget even when RAM is across"), true);
        }

        var floor = hopeful ? outlook.FloorLow : outlook.FloorHigh;
        var atBest = Lasts(floor, hopeful ? numbers.Link.High : numbers.Link.Low);
        if (atBest > pause.MaxPause.TotalSeconds)
        {
            return (
                new Alternative(
                    "pause", 0, false, low, high, null,
                    $"{Bytes(floor)} take about {Figure.Seconds(Outlook.Time(atBest))} s to send, "
                    + $"and a pause may last {Figure.Seconds(pause.MaxPause)} s"),
                true);
        }

        var until = numbers.PassLeft + (numbers.Link.Middle > 0 ? outlook.FloorHigh / numbers.Link.Middle : double.PositiveInfinity);
        if (until > numbers.TimeLeft)
        {
            return (new Alternative("pause", 0, false, low, high, Outlook.Time(until), "not even a paused guest is across before the deadline"), true);
        }

        var surely = Lasts(Math.Min(outlook.FloorHigh, numbers.Left + numbers.DirtiedSinceSync), numbers.Link.Low);
        return (
            new Alternative(
                "pause", 0, true, low, high, Outlook.Time(until), $"a pause of about {Figure.Seconds(Outlook.Time(Math.Max(atBest, surely)))} s lets the rest across"),
            Lasts(numbers.Left + numbers.DirtiedSinceSync, numbers.Link.Low) <= pause.MaxPause.TotalSeconds);
    }

    private static double Lasts(double bytes, double bandwidth) => bandwidth > 0 ? PauseSlack * bytes / bandwidth : double.PositiveInfinity;

    private static Alternative PostCopy(ConvergenceMoment moment, Outlook outlook, bool last)
    {
        var numbers = outlook.Numbers;
        var (low, high) = (numbers.DowntimeLow(0), Math.Max(numbers.DowntimeLow(0), numbers.OverheadHigh));
        if (!moment.Terms.PostCopyPossible)
        {
            return new Alternative("post_copy", 0, false, Outlook.Time(low), Outlook.Time(high), null, "post-copy is not possible for this guest");
        }

        var rest = numbers.Link.Middle > 0 ? numbers.Left / numbers.Link.Middle : double.PositiveInfinity;
        return new Alternative(
            "post_copy", 0, rest <= numbers.TimeLeft, Outlook.Time(low), Outlook.Time(high), Outlook.Time(rest),
            rest <= numbers.TimeLeft ? "the guest goes on at the target while the rest follows"
            : last ? "not even that is over before the deadline, but it is the ladder's last step"
            : "not even that is over before the deadline");
    }

    private static string Bytes(double bytes) => new DataSize((long)Math.Clamp(bytes, 0, 1e17)).ToString();
}

/// <param name="Step">Index on the ladder.</param>
/// <param name="Sure">By the middle of the band and at this moment; else it is waited for.</param>
/// <param name="Weighed">The last one is the choice.</param>
internal sealed record Choice(int Step, bool Sure, List<Alternative> Weighed)
{
    public Alternative Option => Weighed[^1];
}
