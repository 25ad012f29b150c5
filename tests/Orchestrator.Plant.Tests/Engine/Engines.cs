using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;

namespace Orchestrator.Plant.Tests.Engine;

/// <summary>Migrations to look at the loop with: a gigabyte a second and two hundred megabytes of guest unless a test says otherwise.</summary>
internal static class Engines
{
    public const long Mebibyte = 1 << 20;
    public const double Gigabyte = 1e9;

    public static MigrationDescription Migration(EngineVersion version = EngineVersion.Qemu100) => new()
    {
        Guest = new GuestDescription { Memory = 200 * Mebibyte },
        Link = new LinkDescription { BytesPerSecond = Gigabyte },
        Engine = new EngineDescription { Version = version, FixedDowntime = TimeSpan.FromMilliseconds(20) },
        MaxDowntime = TimeSpan.FromSeconds(1),
        Deadline = TimeSpan.FromMinutes(10),
    };

    public static MigrationDescription Writing(this MigrationDescription migration, double rate, long size = 100 * Mebibyte) => migration with
    {
        Guest = migration.Guest with { HotSets = [new HotSet("hot", size, rate, Sequential: false, CpuShare: 1, [])] },
    };

    public static MigrationDescription With(this MigrationDescription migration, SimulatedDevice device) =>
        migration with { Guest = migration.Guest with { Devices = [device] } };

    public static MigrationDescription Over(this MigrationDescription migration, double bytesPerSecond, params PaceChange[] changes) =>
        migration with { Link = new LinkDescription { BytesPerSecond = bytesPerSecond, Changes = changes } };

    public static EngineSetup Limit(double milliseconds) => new() { DowntimeLimit = TimeSpan.FromMilliseconds(milliseconds) };

    /// <summary>Goes on until then; since the copy began.</summary>
    public static SimulatedEngine To(this SimulatedEngine engine, double seconds)
    {
        engine.Run(TimeSpan.FromSeconds(seconds), stopAtPasses: false);
        return engine;
    }
}
