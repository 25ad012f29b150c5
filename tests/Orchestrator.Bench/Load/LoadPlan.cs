using Orchestrator.Bench.Agents;
using Orchestrator.V1;

namespace Orchestrator.Bench.Load;

/// <summary>Which guest is where, what its copy is like and where it goes: decided by the seed alone.</summary>
internal sealed record LoadPlan(IReadOnlyList<PlannedMigration> Migrations)
{
    private const int ToTarget = 100;

    public static LoadPlan Drawn(ulong seed, int hosts, int migrations, TimeSpan meanPass)
    {
        // Ids as random as callers' are: it is what the database's indexes have to live with.
        var ids = new Random((int)seed);
        return new LoadPlan(
        [
            .. Enumerable.Range(0, migrations).Select(number =>
            {
                var own = (seed * 1_000_003) + (ulong)number;
                var source = number % hosts;
                var bytes = new byte[16];
                ids.NextBytes(bytes);
                return new PlannedMigration(
                    new Guid(bytes),
                    $"guest-{number + 1:00000}",
                    source,
                    (source + 1 + Draw.Below(own, ToTarget, hosts - 1)) % hosts,
                    CopyPlan.Drawn(own, meanPass));
            }),
        ]);
    }
}

/// <param name="Source">Number of the host, from 0; likewise <paramref name="Target"/>.</param>
internal sealed record PlannedMigration(Guid MigrationId, string GuestId, int Source, int Target, CopyPlan Copy)
{
    public MachineSpec Spec => new()
    {
        MemoryBytes = Copy.RamBytes,
        Vcpus = 4,
        Disks = { new Disk { Path = $"/scripted/{GuestId}.qcow2", Format = "qcow2" } },
    };
}
