namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>What the ladder offers for a copy that does not get there by itself: each step weighed by the model, in the ladder's order.</summary>
internal static class Means
{
    // The part of a pause that is not sending: stopping, the last sync, starting on the target.
    private const double PauseSlack = 1.1;

    /// <returns>The first step that makes it fit, or the last one; and what was passed over, with the reason.</returns>
    public static (int Step, int Throttle, List<Alternative> Weighed) FirstThatFits(
        PredictiveMemory memory, ConvergenceMoment moment, Outlook outlook)
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

            var option = Weigh(steps[index].Action, memory, moment, outlook, last);
            weighed.Add(option);
            if (option.Fits || last)
            {
                return (index, option.ThrottlePercent, weighed);
            }
        }

        // Everything was taken and the copy still runs: the last step ends it, whatever it was.
        return (steps.Count - 1, 0, weighed);
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

    private static Alternative Weigh(LadderAction action, PredictiveMemory memory, ConvergenceMoment moment, Outlook outlook, bool last) =>
        action switch
        {
            LadderAction.Throttle throttle => Throttle(throttle, memory, moment, outlook),
            LadderAction.Pause pause => Pause(pause, outlook),
            LadderAction.PostCopy => PostCopy(moment, outlook, last),
            LadderAction.Abort => new Alternative("abort", 0, true, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, "nothing before it makes it fit"),
            _ => throw new System.Diagnostics.UnreachableException($"No arm for {action}."),
        };

    private static Alternative Throttle(LadderAction.Throttle throttle, PredictiveMemory memory, ConvergenceMoment moment, Outlook outlook)
    {
        var numbers = outlook.Numbers;
        var floor = outlook.FloorHigh;
        if (!moment.Terms.ThrottlePossible)
        {
            return None("throttling was not prepared for this guest");
        }

        if (outlook.Prospect is Prospect.DevicesTooLarge)
        {
            return None("slower CPUs make no device's state smaller");
        }

        if (outlook.Prospect is Prospect.TooLate && memory.Curve.Points.Count == 0 && memory.Level.Resting == 0)
        {
            return None("slower CPUs do not shorten what is sent for the first time");
        }

        var from = Math.Max(moment.Reading.ThrottlePercent, memory.ThrottleAsked);
        if (Outlooks.Throttled(memory, numbers, from, throttle.MaxPercent) is not var (percent, time, reached))
        {
            return from >= throttle.MaxPercent
                ? None($"the guest is throttled by {Figure.Count(from)} % already, as far as is permitted")
                : None($"even {Figure.Count(throttle.MaxPercent)} % of throttling, the most permitted, would not be enough");
        }

        // No less than the step's own beginning; a guest that is throttled hard from the start would be throttled too hard.
        percent = Math.Min(throttle.MaxPercent, Math.Max(percent, throttle.InitialPercent));
        return new Alternative(
            "throttle", percent, true, Outlook.Time(numbers.DowntimeLow(reached)), Outlook.Time(numbers.DowntimeHigh(reached)), Outlook.Time(time),
            $"with {Figure.Count(percent)} % of throttling it gets within the budget");

        Alternative None(string why) => new(
            "throttle", throttle.MaxPercent, false, Outlook.Time(numbers.DowntimeLow(floor)), Outlook.Time(numbers.DowntimeHigh(floor)), null, why);
    }

    private static Alternative Pause(LadderAction.Pause pause, Outlook outlook)
    {
        var numbers = outlook.Numbers;
        var (low, high) = (numbers.DowntimeLow(0), numbers.DowntimeHigh(0));
        if (low > numbers.Budget)
        {
            return new Alternative(
                "pause", 0, false, Outlook.Time(low), Outlook.Time(high), null, "the devices' state takes longer than the budget even when RAM is across");
        }

        var rest = Math.Max(outlook.FloorHigh, 0);
        var lasts = numbers.Link.Low > 0 ? PauseSlack * rest / numbers.Link.Low : double.PositiveInfinity;
        var until = numbers.Link.Middle > 0 ? (numbers.Left + rest) / numbers.Link.Middle : double.PositiveInfinity;
        return lasts > pause.MaxPause.TotalSeconds
            ? new Alternative(
                "pause", 0, false, Outlook.Time(low), Outlook.Time(high), null,
                $"{Bytes(rest)} take about {Figure.Seconds(Outlook.Time(lasts))} s to send, and a pause may last {Figure.Seconds(pause.MaxPause)} s")
            : until > numbers.TimeLeft
                ? new Alternative("pause", 0, false, Outlook.Time(low), Outlook.Time(high), Outlook.Time(until), "not even a paused guest is across before the deadline")
                : new Alternative(
                    "pause", 0, true, Outlook.Time(low), Outlook.Time(high), Outlook.Time(until),
                    $"a pause of about {Figure.Seconds(Outlook.Time(lasts))} s lets the rest across");
    }

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
