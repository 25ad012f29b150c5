using Orchestrator.Plant.Description;
using Orchestrator.Plant.Management;
using Orchestrator.Policy.Convergence;
using Orchestrator.Reports;

namespace Orchestrator.Lab.Ours;

/// <summary>
/// What a fleet would have learnt about its switch-overs: migrations of a quiet guest on the same engine with the same devices, moved before
/// this one. What such a switch-over takes beyond what there was to send is the overhead.
/// </summary>
internal static class FleetHistory
{
    private const long QuietMemory = 8L << 30;
    private const double QuietSet = 64 << 20;
    private const double QuietRate = 1 << 20;

    // Switch-overs of one kind differ by about this much.
    private const double Spread = 1.25;

    /// <returns>Null when such a guest did not move either: then nothing is known.</returns>
    public static SwitchOverCost? OverheadOf(MigrationDescription migration)
    {
        var quiet = migration with
        {
            Guest = migration.Guest with
            {
                Memory = QuietMemory,
                ZeroShare = 0,
                HotSets = [new HotSet("quiet", (long)QuietSet, QuietRate, false, 1, [])],
            },
            Link = migration.Link with { Changes = [], Jitter = 0, MaxBytesPerSecond = 0 },
            MaxDowntime = TimeSpan.FromSeconds(60),
            Deadline = TimeSpan.FromMinutes(30),
            Permitted = new PermittedMeans(),
        };
        var management = new PolicyManagement(OwnersLadder.Predictive(quiet));
        var result = SimulatedRun.Play(quiet, management);
        if (result.Outage is not { } outage)
        {
            return null;
        }

        // What the last reading before it expected to be sent, less the overhead that every such expectation contains.
        var sent = (management.LastReading?.ExpectedDowntime ?? TimeSpan.Zero) - ReportAssembler.SwitchOverOverhead;
        var overhead = outage - (sent > TimeSpan.Zero ? sent : TimeSpan.Zero);
        return overhead > TimeSpan.Zero ? new SwitchOverCost(overhead, overhead * Spread) : null;
    }
}
