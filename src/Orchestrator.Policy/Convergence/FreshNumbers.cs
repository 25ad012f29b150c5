namespace Orchestrator.Policy.Convergence;

/// <summary>
/// The numbers of a reading that may cause an action; every other one is null here. Rules see the numbers of a reading only through this,
/// so that a suspect or carried-over one cannot cause anything by oversight.
/// </summary>
internal sealed record FreshNumbers
{
    public int? Pass { get; private init; }

    public DataSize? RamRemaining { get; private init; }

    public DataSize? Remaining { get; private init; }

    public DataSize? StopCopy { get; private init; }

    public DataSize? Transferred { get; private init; }

    public DataRate? Bandwidth { get; private init; }

    public DataRate? SwitchOverBandwidth { get; private init; }

    public DataRate? DirtyRate { get; private init; }

    public TimeSpan? ExpectedDowntime { get; private init; }

    public static FreshNumbers Of(ConvergenceReading reading) => new()
    {
        Pass = reading.IsFresh(ReadingNumber.Pass) ? reading.Pass : null,
        RamRemaining = reading.IsFresh(ReadingNumber.RamRemaining) ? reading.RamRemaining : null,
        Remaining = reading.IsFresh(ReadingNumber.Remaining) ? reading.Remaining : null,
        StopCopy = reading.IsFresh(ReadingNumber.StopCopy) ? reading.StopCopy : null,
        Transferred = reading.IsFresh(ReadingNumber.Transferred) ? reading.Transferred : null,
        Bandwidth = reading.IsFresh(ReadingNumber.Bandwidth) ? reading.Bandwidth : null,
        SwitchOverBandwidth = reading.IsFresh(ReadingNumber.SwitchOverBandwidth) ? reading.SwitchOverBandwidth : null,
        DirtyRate = reading.IsFresh(ReadingNumber.DirtyRate) ? reading.DirtyRate : null,
        ExpectedDowntime = reading.IsFresh(ReadingNumber.ExpectedDowntime) ? reading.ExpectedDowntime : null,
    };
}
