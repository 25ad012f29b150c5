using Orchestrator.Bench.Agents;
using Orchestrator.V1;

namespace Orchestrator.Bench.Fleet;

/// <summary>
/// The guests of the fleet, decided by the seed alone: 2 to 32 GiB, in services of fifty, a third of them kept apart from their like on a
/// host. The first of them wait or move, the others are there to be started.
/// </summary>
internal sealed class FleetPeople
{
    private const int ServiceSize = 50;
    private static readonly int[] s_gibibytes = [2, 2, 4, 4, 4, 8, 8, 8, 16, 32];
    private readonly FleetOptions _options;

    public FleetPeople(FleetOptions options)
    {
        _options = options;
        Guests = [.. Enumerable.Range(0, options.Guests).Select(Guest)];
        ById = Guests.ToDictionary(guest => guest.GuestId, StringComparer.Ordinal);
    }

    public IReadOnlyList<BenchGuest> Guests { get; }

    public IReadOnlyDictionary<string, BenchGuest> ById { get; }

    public IEnumerable<BenchGuest> Waiting => Guests.Take(_options.Queued + _options.Running);

    public IEnumerable<BenchGuest> Spare => Guests.Skip(_options.Queued + _options.Running);

    /// <summary>The copy of a guest, from its size: it ends after its time, whatever its figures say.</summary>
    public CopyPlan CopyOf(string guestId)
    {
        var guest = ById[guestId];
        var lasts = TimeSpan.FromSeconds(_options.TransferSeconds * (0.1 + (1.8 * Draw.Share(guest.Seed, 2))));
        return new CopyPlan(guest.Seed, guest.MemoryBytes, guest.MemoryBytes, guest.MemoryBytes / 8, guest.MemoryBytes / lasts.TotalSeconds) { Lasts = lasts };
    }

    private BenchGuest Guest(int number)
    {
        var seed = ((ulong)_options.Seed * 1_000_003) + (ulong)number;
        var service = $"s{Draw.Below(seed, 3, Math.Max(1, _options.Guests / ServiceSize)):000}";
        return new BenchGuest(
            $"guest-{number:00000}", seed, number % _options.Hosts, (ulong)s_gibibytes[Draw.Below(seed, 1, s_gibibytes.Length)] << 30, service,
            Draw.Below(seed, 4, 3) == 0);
    }
}

/// <param name="Host">Number of the host it is on at first, from 0.</param>
/// <param name="Apart">Kept away from others of its service.</param>
internal sealed record BenchGuest(string GuestId, ulong Seed, int Host, ulong MemoryBytes, string Service, bool Apart)
{
    public const uint Vcpus = 4;

    public MachineSpec Spec => new()
    {
        MemoryBytes = MemoryBytes,
        Vcpus = Vcpus,
        MachineType = ScriptedHost.MachineType,
        CpuModel = "qemu64",
        Accelerator = Accelerator.Tcg,
        Disks = { new Disk { Path = $"/scripted/{GuestId}.qcow2", Format = "qcow2" } },
    };

    public PlacementTerms Placement => Apart
        ? new PlacementTerms { Affinity = { new AffinityTerm { GuestLabels = { ["service"] = Service }, Anti = true, Required = true } } }
        : new PlacementTerms();
}
