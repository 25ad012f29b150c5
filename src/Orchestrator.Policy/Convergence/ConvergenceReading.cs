namespace Orchestrator.Policy.Convergence;

/// <summary>What policy sees at one moment: a report after plausibility checks.</summary>
public sealed record ConvergenceReading
{
    /// <summary>Sequence of the report it was made from; rises within a migration.</summary>
    public required long Sequence { get; init; }

    /// <summary>Since the engine started.</summary>
    public required TimeSpan Elapsed { get; init; }

    public required EngineActivity Activity { get; init; }

    public int Pass { get; init; }

    /// <summary>False where the engine's pass counter says nothing; rounds are time windows then.</summary>
    public bool PassesHonest { get; init; }

    /// <summary>No dirty rate yet, and the expected downtime is only the limit.</summary>
    public bool FirstPass { get; init; }

    public required DataSize RamTotal { get; init; }

    public DataSize? RamRemaining { get; init; }

    /// <summary>System-wide: RAM and devices.</summary>
    public DataSize? Remaining { get; init; }

    /// <summary>What devices can send only when stopped: the floor of remaining.</summary>
    public DataSize StopCopy { get; init; }

    public DataSize? Transferred { get; init; }

    /// <summary>Measured over wall time.</summary>
    public DataRate? Bandwidth { get; init; }

    public DataRate? SwitchOverBandwidth { get; init; }

    /// <summary>Cap of the copy; null = none. The switch-over is not bound by it.</summary>
    public DataRate? Cap { get; init; }

    public DataRate? DirtyRate { get; init; }

    /// <summary>The last sampling of what the guest dirties; null when none has ended or it is not believed.</summary>
    public DirtyProbe? Probe { get; init; }

    /// <summary>System-wide; null when nothing good is known.</summary>
    public TimeSpan? ExpectedDowntime { get; init; }

    /// <summary>The engine's limit at that moment.</summary>
    public TimeSpan DowntimeLimit { get; init; }

    /// <summary>0 to 99.</summary>
    public int ThrottlePercent { get; init; }

    public bool GuestRunning { get; init; }

    /// <summary>Paused by us to converge.</summary>
    public bool PausedToConverge { get; init; }

    /// <summary>Numbers that were not believed. Their last good value, or null, stands in their place.</summary>
    public IReadOnlyList<SuspectNumber> Suspects { get; init; } = [];

    /// <summary>True when the named number is this report's own and believed, so that it may cause an action.</summary>
    public bool IsFresh(ReadingNumber number) => Fresh.HasFlag(number);

    public required ReadingNumber Fresh { get; init; }
}

/// <summary>How much memory the guest dirtied in an interval, by samples of its pages.</summary>
/// <param name="At">When it ended, since the engine started.</param>
/// <param name="Dirtied">Different bytes that were written in it.</param>
public sealed record DirtyProbe(TimeSpan At, TimeSpan Interval, DataSize Dirtied);

/// <summary>The numbers of a reading that can be suspect or missing.</summary>
[Flags]
public enum ReadingNumber
{
    None = 0,
    RamRemaining = 1,
    Remaining = 2,
    StopCopy = 4,
    Transferred = 8,
    Bandwidth = 16,
    SwitchOverBandwidth = 32,
    DirtyRate = 64,
    ExpectedDowntime = 128,
    Pass = 256,
}

/// <summary>What the engine is doing, as far as policy cares.</summary>
public enum EngineActivity
{
    /// <summary>Connecting or setting up: nothing to decide yet.</summary>
    Setup,
    PreCopy,

    /// <summary>Stopped for the switch-over, or past it.</summary>
    SwitchingOver,
    PostCopy,
    PostCopyPaused,
    Ended,
}

/// <param name="Field">Name of the field in the report.</param>
/// <param name="Raw">As reported.</param>
/// <param name="Why">Why it is not believed.</param>
public sealed record SuspectNumber(string Field, string Raw, string Why);
