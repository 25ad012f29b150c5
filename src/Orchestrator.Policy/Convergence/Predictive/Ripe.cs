namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>
/// When a conclusion has stood for long enough to act on it. No verdict comes from one window. What ends the migration waits longer than
/// what brings it to its end, and longest when there is a reason to hope: this very copy has looked better before.
/// </summary>
internal static class Ripe
{
    private const int FewestLooks = 2;

    // Observations of what is dirtied, since the guest last changed, before the middle of the band is enough to help.
    private const int FewestSeen = 3;

    // A link that was better by this factor in a whole regime may be so again.
    private const double BetterLink = 1.3;

    // A throttle shows after two hits of the engine's own count, a second and more apart, and the passes after that.
    private const int SyncsUnderThrottle = 3;
    private const double ThrottleShows = 4;
    private const double ThrottleFails = 15;

    // How long a conclusion must have stood: this many seconds, and this share of the time that has gone into the copy.
    private static readonly (double Seconds, double Share) s_help = (1, 0.05);
    private static readonly (double Seconds, double Share) s_helpOnAGuess = (2, 0.1);
    private static readonly (double Seconds, double Share) s_helpDespiteHope = (4, 0.15);
    private static readonly (double Seconds, double Share) s_giveUp = (3, 0.15);
    private static readonly (double Seconds, double Share) s_giveUpDespiteHope = (10, 0.5);

    // In the first pass, of the whole of it: its end would show more, and costs what it costs.
    private static readonly (double Seconds, double Share) s_giveUpInFirstPass = (4, 0.2);

    public static bool HasReasonToHope(PredictiveMemory memory) =>
        memory.FittedAt is not null || memory.Link.Best > BetterLink * memory.Link.Middle;

    public static bool IsRipe(PredictiveMemory memory, ConvergenceMoment moment, Outlook outlook, string action)
    {
        var at = moment.Elapsed.TotalSeconds;
        if (memory.Leaning is not { } leaning || leaning.Looks < FewestLooks || WaitsForThrottle(memory, moment, at))
        {
            return false;
        }

        var firstPass = moment.Reading.FirstPass;
        var wanted = (outlook.Prospect, action) switch
        {
            // Numbers of the device itself: nothing that the guest or the link does changes them.
            (Prospect.DevicesTooLarge, _) => s_helpOnAGuess.Seconds,

            // The hopeful end of the band still gets there.
            (Prospect.Unlikely, "abort") => double.PositiveInfinity,

            // A pause is placed by what a pass leaves behind, which the first one has not shown.
            (not Prospect.TooLate, "pause") when firstPass => double.PositiveInfinity,
            (_, "abort") when HasReasonToHope(memory) => Longer(s_giveUpDespiteHope, at),
            (_, "abort") when firstPass => Longer(s_giveUpInFirstPass, at + outlook.Numbers.PassLeft),
            (_, "abort") => Longer(s_giveUp, at),
            (Prospect.Unlikely, _) => memory.Curve.Seen < FewestSeen ? double.PositiveInfinity : Longer(s_helpOnAGuess, at),
            _ when HasReasonToHope(memory) => Longer(s_helpDespiteHope, at),
            _ => Longer(s_help, at),
        };
        return at - leaning.Since >= wanted;
    }

    private static double Longer((double Seconds, double Share) wait, double of) => Math.Max(wait.Seconds, wait.Share * of);

    private static bool WaitsForThrottle(PredictiveMemory memory, ConvergenceMoment moment, double at)
    {
        if (memory.ThrottleAsked == 0 || moment.Reading.FirstPass)
        {
            return memory.ThrottleAsked > 0;
        }

        var since = at - memory.ThrottleAskedAt;
        var shows = moment.Reading.ThrottlePercent >= memory.ThrottleAsked;
        return shows ? since < ThrottleShows || (memory.Sync is not null && memory.SyncsSinceThrottle < SyncsUnderThrottle && since < ThrottleFails)
            : since < ThrottleFails;
    }
}
