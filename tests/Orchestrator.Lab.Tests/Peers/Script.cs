using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Tests.Peers;

/// <summary>Plays written-down readings to a policy at the times it asks for them.</summary>
internal static class Script
{
    private const long Gibibyte = 1L << 30;

    public static MigrationDescription Migration(double gibibytes = 8, double bytesPerSecond = 1.25e9, bool vfio = false) => new()
    {
        Guest = new GuestDescription
        {
            Memory = (long)(gibibytes * Gibibyte),
            Devices = vfio ? [new SimulatedDevice { Name = "gpu" }] : [],
        },
        Link = new LinkDescription { BytesPerSecond = bytesPerSecond },
        MaxDowntime = TimeSpan.FromMilliseconds(300),
        Deadline = TimeSpan.FromMinutes(10),
    };

    public static EngineView View(TimeSpan elapsed, int passes = 1, long remaining = Gibibyte, long transferred = 0, long? vfio = null) => new()
    {
        Elapsed = elapsed,
        Status = EngineStatus.Active,
        GuestRunning = true,
        Passes = passes,
        RamRemaining = remaining,
        Transferred = transferred,
        VfioTransferred = vfio,
        Bandwidth = 1e9,
    };

    /// <returns>What the policy did, in <see cref="RecordedControls.Said"/>'s words.</returns>
    public static string Play(
        IManagementPolicy policy, MigrationDescription migration, double untilSeconds, Func<TimeSpan, EngineView> reading, bool refusesPostCopy = false)
    {
        var controls = new RecordedControls { RefusesPostCopy = refusesPostCopy };
        policy.SetUp(migration);
        while (policy.NextLook is { } look && look.TotalSeconds <= untilSeconds)
        {
            controls.Now = look;
            policy.Look(reading(look), controls);
        }

        return controls.Said;
    }

    /// <summary>The copy with one reading throughout.</summary>
    public static string Play(IManagementPolicy policy, MigrationDescription migration, double untilSeconds) =>
        Play(policy, migration, untilSeconds, elapsed => View(elapsed));
}
