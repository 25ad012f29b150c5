namespace Orchestrator.Policy.Convergence;

/// <summary>
/// What a switch-over costs however little is left to send: stopping the CPUs, the small device state, loading it, the hand-over. Learnt
/// from the fleet's past migrations of the same engine versions and kind of devices.
/// </summary>
/// <param name="Typical">Half of them cost less.</param>
/// <param name="High">Nine of ten cost less.</param>
public sealed record SwitchOverCost(TimeSpan Typical, TimeSpan High)
{
    /// <summary>What agents put in for it where they reckon the expected downtime themselves; engines put in nothing.</summary>
    public static TimeSpan InReports { get; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Before there are any: QEMU's own part is 10 to 40 ms on an idle host, the hand-over between two agents takes the rest. 20 to 300 ms is
    /// the range that operators report.
    /// </summary>
    public static SwitchOverCost Usual { get; } = new(TimeSpan.FromMilliseconds(40), TimeSpan.FromMilliseconds(100));
}
