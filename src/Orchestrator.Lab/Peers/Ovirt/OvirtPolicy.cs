using Orchestrator.Plant.Description;

namespace Orchestrator.Lab.Peers.Ovirt;

/// <summary>A migration policy of oVirt's engine, taken as the cluster's own (key MigrationPolicies of its configuration).</summary>
/// <param name="MaxMigrations">Per host and direction; the link is divided by it whether or not others run.</param>
internal sealed record OvirtPolicy(int MaxMigrations, bool AutoConverge, ConvergenceSchedule Schedule)
{
    private const long Mebibyte = 1 << 20;

    // vdsm's own figure, taken when the engine sends nothing or 0.
    private const long BandwidthOfVdsm = 52;

    public bool ParallelConnections { get; init; }

    public ConvergenceSchedule ScheduleSent => ParallelConnections ? Schedule.WithoutPostCopy() : Schedule;

    /// <summary>
    /// Bandwidth type AUTO: megabits of the link, an eighth of that per migration, sent as MiB/s although it was MB/s. The description has
    /// the line's goodput for the NIC's speed, as a QoS limit of the migration network would.
    /// </summary>
    public long MaxBandwidth(LinkDescription link)
    {
        var megabits = link.BytesPerSecond * 8 / 1e6;
        var share = (long)(megabits / 8) / MaxMigrations;
        return (share == 0 ? BandwidthOfVdsm : share) * Mebibyte;
    }
}
