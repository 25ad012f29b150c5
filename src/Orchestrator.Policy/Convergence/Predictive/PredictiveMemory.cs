namespace Orchestrator.Policy.Convergence.Predictive;

/// <summary>
/// What predictive pacing has measured of one copy and what it is about to conclude. A value that survives in the database as JSON, of a
/// size that does not grow with the copy. Amounts in bytes, times in seconds since the engine started.
/// </summary>
public sealed record PredictiveMemory
{
    public LinkSpeed Link { get; init; } = new();

    public DirtyCurve Curve { get; init; } = new();

    public DeviceShare Devices { get; init; } = new();

    /// <summary>Where the engine's passes say nothing: how the amount has moved.</summary>
    public LevelTrack Level { get; init; } = new();

    /// <summary>The last sync that was seen; null before the first reading.</summary>
    public SyncMark? Sync { get; init; }

    /// <summary>The last reading with a believed amount.</summary>
    public AmountMark? Last { get; init; }

    /// <summary>When the last probe that was taken in had ended.</summary>
    public double? ProbedAt { get; init; }

    /// <summary>How long the first pass took; 0 before it is over.</summary>
    public double FirstPassSeconds { get; init; }

    /// <summary>The lowest amount that a sync has left, and when; null before the second pass.</summary>
    public double? LowestSync { get; init; }

    /// <summary>What the last syncs have left, oldest first; under this throttle alone.</summary>
    public IReadOnlyList<double> RecentSyncs { get; init; } = [];

    /// <summary>Syncs in a row at which the engine had a limit as wide as it can be, and much was left, and it went on copying.</summary>
    public int SyncsInVain { get; init; }

    /// <summary>What the last readings have agreed on; null while they agree on nothing.</summary>
    public Leaning? Leaning { get; init; }

    /// <summary>When it last looked as if the copy alone would get there.</summary>
    public double? FittedAt { get; init; }

    /// <summary>Since when it has looked so without a break.</summary>
    public double? FitsSince { get; init; }

    /// <summary>What the engine was told to reckon the switch-over with; null = nothing.</summary>
    public double? ToldBandwidth { get; init; }

    /// <summary>The throttle last asked for, in percent, and when.</summary>
    public int ThrottleAsked { get; init; }

    public double ThrottleAskedAt { get; init; }

    /// <summary>Syncs seen since the throttle was last asked for.</summary>
    public int SyncsSinceThrottle { get; init; }
}

/// <param name="Amount">RAM that was dirty right after it.</param>
/// <param name="Known">The interval that ended with it is known too.</param>
public sealed record SyncMark(double At, int Pass, double Amount, bool Known);

/// <param name="Throttle">Percent.</param>
public sealed record AmountMark(double At, double Amount, int Throttle, bool Running);

/// <summary>What the readings lean towards, and how long they have.</summary>
/// <param name="Action">In words of the ladder.</param>
/// <param name="Since">Since when it does not look as if the copy alone would get there.</param>
/// <param name="Looks">How many windows of data have agreed on the action.</param>
public sealed record Leaning(string Action, double Since, int Looks);
