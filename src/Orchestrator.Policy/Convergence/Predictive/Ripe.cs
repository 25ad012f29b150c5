namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>
/// When a conclusion has stood for long enough to act on it. No verdict comes from one window. What ends the migration waits longer than
/// what brings it to its end, and longest when there is a reason to hope: this very copy has looked better before.
/// </summary>
internal static class Ripe
{
    private const int FewestLooks = 2;
    private const double ShortestSeconds = 1;

    // To give up asks for this share of the time that has gone into the copy, and this many seconds at least.
    private const double GiveUpShare = 0.1;
    private const double GiveUpSeconds = 2;

    // With a reason to hope.
    private const double HopeShare = 0.4;
    private const double HopeSeconds = 8;

    // A link that was better by this factor in a whole regime may be so again.
    private const double BetterLink = 1.3;

    // A throttle shows after two hits of the engine's own count, a second and more apart, and the passes after that.
    private const int SyncsUnderThrottle = 3;
    private const double ThrottleShows = 4;
    private const double ThrottleFails = 15;

    public static bool IsRipe(PredictiveMemory memory, ConvergenceMoment moment, Outlook outlook, string action)
    {
        var at = moment.Elapsed.TotalSeconds;
        if (memory.Leaning is not { } leaning || leaning.Looks < FewestLooks || WaitsForThrottle(memory, moment, at))
        {
            return false;
        }

        var lasted = at - leaning.Since;
        if (outlook.Prospect is Prospect.DevicesTooLarge)
        {
            return lasted >= GiveUpSeconds;
        }

        var hope = memory.FittedAt is not null || memory.Link.Best > BetterLink * memory.Link.Middle;
        var ends = action is "abort";
        var wanted = (hope, ends) switch
        {
            (true, true) => Math.Max(HopeSeconds, HopeShare * at),
            (true, false) => Math.Max(GiveUpSeconds, GiveUpShare * at),
            (false, true) => Math.Max(GiveUpSeconds, GiveUpShare * at),
            (false, false) => ShortestSeconds,
        };

        // Only the hopeful end of the band speaks against it: the middle is enough to help, not to give up.
        return lasted >= wanted && (!ends || outlook.Prospect is not Prospect.Unlikely || lasted >= Math.Max(HopeSeconds, HopeShare * at));
    }

    private static bool WaitsForThrottle(PredictiveMemory memory, ConvergenceMoment moment, double at)
    {
        if (memory.ThrottleAsked == 0)
        {
            return false;
        }

        var since = at - memory.ThrottleAskedAt;
        var shows = moment.Reading.ThrottlePercent >= memory.ThrottleAsked;
        return shows ? since < ThrottleShows || (memory.Sync is not null && memory.SyncsSinceThrottle < SyncsUnderThrottle && since < ThrottleFails)
            : since < ThrottleFails;
    }
}
