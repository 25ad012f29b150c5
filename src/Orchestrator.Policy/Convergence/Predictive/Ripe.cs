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

    // How long a conclusion must have stood: this many seconds, and this share of the time that had gone into the copy before it.
    private static readonly (double Seconds, double Share) s_help = (1, 0.05);
    private static readonly (double Seconds, double Share) s_helpOnAGuess = (2, 0.1);
    private static readonly (double Seconds, double Share) s_helpDespiteHope = (4, 0.15);
    private static readonly (double Seconds, double Share) s_giveUp = (3, 0.15);
    private static readonly (double Seconds, double Share) s_giveUpDespiteHope = (20, 1.5);

    // A link that carries nothing costs nothing but time.
    private static readonly (double Seconds, double Share) s_giveUpOnLink = (30, 1);

    // In the first pass: so many seconds and, on top, a share of the whole pass. What a guest does in a pass is one sample of what it does,
    // and the rest of the pass is lost if nothing comes of it.
    private const double FirstPassSeconds = 10;
    private const double FirstPassShare = 0.33;

    public static bool HasReasonToHope(PredictiveMemory memory) =>
        memory.FittedAt is not null || memory.Link.Best > BetterLink * memory.Link.Middle;

    /// <summary>A step that only the hopeful end of the band allows has been waited for as long as giving up would be.</summary>
    public static bool HasHopedEnough(PredictiveMemory memory, double at) =>
        memory.Leaning is { Looks: >= FewestLooks } leaning && at - leaning.Since >= Longer(s_giveUp, leaning.Since);

    public static bool IsRipe(PredictiveMemory memory, ConvergenceMoment moment, Outlook outlook, string action)
    {
        var at = moment.Elapsed.TotalSeconds;
        if (memory.Leaning is not { } leaning || leaning.Looks < FewestLooks || WaitsForThrottle(memory, moment, at))
        {
            return false;
        }

        var firstPass = moment.Reading.FirstPass;
        var before = leaning.Since;
        var wanted = (outlook.Prospect, action) switch
        {
            // Numbers of the device itself: nothing that the guest or the link does changes them.
            (Prospect.DevicesTooLarge, _) => s_helpOnAGuess.Seconds,

            // The hopeful end of the band still gets there.
            (Prospect.Unlikely, "abort") => double.PositiveInfinity,

            // A pause is placed by what a pass leaves behind, which the first one has not shown.
            (not Prospect.TooLate, "pause") when firstPass => double.PositiveInfinity,
            (Prospect.TooLate, "abort") when WouldDoOnABetterLink(memory, outlook.Numbers) => Longer(s_giveUpOnLink, before),
            (_, "abort") when HasReasonToHope(memory) => Longer(s_giveUpDespiteHope, before),
            (not Prospect.TooLate, "abort") when firstPass => FirstPassSeconds + (FirstPassShare * (at + outlook.Numbers.PassLeft)),
            (not Prospect.TooLate, "abort") => Math.Max(Longer(s_giveUp, before), FirstPassSeconds + (FirstPassShare * memory.FirstPassSeconds) - before),
            (_, "abort") => Longer(s_giveUp, before),
            (Prospect.Unlikely, _) => memory.Curve.Seen < FewestSeen ? double.PositiveInfinity : Longer(s_helpOnAGuess, before),
            _ when HasReasonToHope(memory) => Longer(s_helpDespiteHope, before),
            _ => Longer(s_help, before),
        };
        return at - leaning.Since >= wanted;
    }

    private static bool WouldDoOnABetterLink(PredictiveMemory memory, CopyNumbers numbers) =>
        memory.Link.Best > BetterLink * memory.Link.Middle && numbers.Left < memory.Link.Best * numbers.TimeLeft;

    private static double Longer((double Seconds, double Share) wait, double of) => Math.Max(wait.Seconds, wait.Share * of);

    /// <summary>What was asked for last has to show in what is dirtied before more is asked for. The engine acts on it at syncs alone.</summary>
    private static bool WaitsForThrottle(PredictiveMemory memory, ConvergenceMoment moment, double at)
    {
        if (memory.ThrottleAsked == 0)
        {
            return false;
        }

        var since = at - memory.ThrottleAskedAt;
        var syncs = memory.Sync is null ? SyncsUnderThrottle : memory.SyncsSinceThrottle;
        return moment.Reading.ThrottlePercent >= memory.ThrottleAsked
            ? since < ThrottleShows || syncs < SyncsUnderThrottle
            : since < ThrottleFails || syncs < SyncsUnderThrottle;
    }
}
