using System.Globalization;
using Orchestrator.Plant.Engine;

namespace Orchestrator.Lab.Tests.Peers;

/// <summary>Knobs that only remember who turned them, and when.</summary>
internal sealed class RecordedControls : IEngineControls
{
    private readonly List<string> _said = [];

    /// <summary>Set by whoever moves the clock.</summary>
    public TimeSpan Now { get; set; }

    public bool RefusesPostCopy { get; init; }

    /// <summary>As the tables write it: 150@30 is a limit of 150 ms at 30 s.</summary>
    public string Said => string.Join(' ', _said);

    public void SetDowntimeLimit(TimeSpan limit) => Say(limit.TotalMilliseconds.ToString(CultureInfo.InvariantCulture));

    public void SetMaxBandwidth(long bytesPerSecond) => Say("bandwidth");

    public void SetSwitchOverBandwidth(long bytesPerSecond) => Say("switchover-bandwidth");

    public void SetThrottle(ThrottleKnobs throttle) => Say("throttle");

    public void Pause() => Say("pause");

    public void Resume() => Say("resume");

    public bool StartPostCopy()
    {
        Say(RefusesPostCopy ? "refused" : "postcopy");
        return !RefusesPostCopy;
    }

    public void Cancel() => Say("abort");

    private void Say(string what) => _said.Add(FormattableString.Invariant($"{what}@{Now.TotalSeconds}"));
}
