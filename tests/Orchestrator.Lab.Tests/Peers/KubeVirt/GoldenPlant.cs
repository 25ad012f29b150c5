using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Tests.Peers.KubeVirt;

/// <summary>
/// The small model that KubeVirt's golden values were made with, and no more than that: the dirty set goes out at the bandwidth in ticks of 50 ms;
/// when what is left seems to fit the limit the dirty set is read anew, and if that fits too the guest stops for it, else it is the next pass.
/// </summary>
internal sealed class GoldenPlant(IManagementPolicy policy) : IEngineControls
{
    public const double Gigabyte = 1e9;

    private const double GuestBytes = 16.0 * (1L << 30);
    private const double DirtyRate = 5 * Gigabyte;
    private const double Tick = 0.05;

    private readonly List<GoldenAction> _actions = [];

    private int _ticks;
    private int _passes = 1;
    private double _left = GuestBytes;
    private double _passSeconds;
    private double _limitSeconds = 0.3;
    private double? _pausedAt;
    private GoldenEnd? _end;

    /// <summary>Bytes that the guest writes over and over, by the second.</summary>
    public Func<double, double> WorkingSet { get; init; } = _ => 0;

    /// <summary>Bytes per second, by the second.</summary>
    public Func<double, double> Bandwidth { get; init; } = _ => Gigabyte;

    private double Seconds => _ticks * Tick;

    public GoldenRun Run(double atMostSeconds)
    {
        policy.SetUp(Script.Migration(gibibytes: 16));
        var blackout = 0.0;
        while (_end is null && Seconds < atMostSeconds)
        {
            _ticks++;
            if (Copy() is { } stopped)
            {
                _end = GoldenEnd.Done;
                blackout = stopped;
            }
            else if (policy.NextLook is { } look && look <= View().Elapsed)
            {
                policy.Look(View(), this);
            }
        }

        var finished = _end == GoldenEnd.Done ? (_pausedAt ?? Seconds) + blackout : Seconds;
        return new GoldenRun(_end ?? GoldenEnd.StillCopying, finished, blackout * 1000, _limitSeconds * 1000, _actions);
    }

    public void SetDowntimeLimit(TimeSpan limit)
    {
        _limitSeconds = limit.TotalSeconds;
        Note(FormattableString.Invariant($"{limit.TotalMilliseconds}"));
    }

    public void Pause()
    {
        _pausedAt ??= Seconds;
        Note("pause");
    }

    public bool StartPostCopy()
    {
        _end = GoldenEnd.PostCopy;
        Note("postcopy");
        return true;
    }

    public void Cancel()
    {
        _end = GoldenEnd.Aborted;
        Note("abort");
    }

    public void Resume() => throw new NotSupportedException();

    public void SetMaxBandwidth(long bytesPerSecond) => throw new NotSupportedException();

    public void SetSwitchOverBandwidth(long bytesPerSecond) => throw new NotSupportedException();

    public void SetThrottle(ThrottleKnobs throttle) => throw new NotSupportedException();

    /// <returns>The blackout in seconds, a pause included, if the copy ended.</returns>
    private double? Copy()
    {
        var bandwidth = Bandwidth(Seconds);
        _left = Math.Max(0, _left - (bandwidth * Tick));
        _passSeconds += Tick;
        if (_left / bandwidth > _limitSeconds)
        {
            return null;
        }

        var dirtied = _pausedAt is null ? DirtyRate * _passSeconds : 0;
        var next = Math.Min(_pausedAt is null ? WorkingSet(Seconds) : double.MaxValue, dirtied + _left);
        if (next / bandwidth <= _limitSeconds)
        {
            return (next / bandwidth) + (Seconds - (_pausedAt ?? Seconds));
        }

        (_left, _passSeconds) = (next, 0);
        _passes++;
        if (policy.FollowsPasses)
        {
            policy.SeePass(View(), this);
        }

        return null;
    }

    private EngineView View() => new()
    {
        Elapsed = TimeSpan.FromMilliseconds(_ticks * 50L),
        Status = EngineStatus.Active,
        GuestRunning = _pausedAt is null,
        Passes = _passes,
        RamRemaining = (long)_left,
        Bandwidth = Bandwidth(Seconds),
    };

    private void Note(string what) => _actions.Add(new GoldenAction(what, Seconds, _passes));
}

internal enum GoldenEnd
{
    StillCopying,
    Done,
    Aborted,
    PostCopy,
}

/// <param name="What">A limit in milliseconds, or pause, postcopy, abort.</param>
internal sealed record GoldenAction(string What, double Seconds, int Passes);

internal sealed record GoldenRun(
    GoldenEnd End, double Seconds, double BlackoutMilliseconds, double LimitMilliseconds, IReadOnlyList<GoldenAction> Actions);
