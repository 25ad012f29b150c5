using Google.Protobuf.WellKnownTypes;
using Orchestrator.V1;

namespace Orchestrator.Plant.Tests.Description;

/// <summary>A message with every field set and sound, and what can be wrong with each of them.</summary>
internal static class Messages
{
    public static Dictionary<string, Wrong> Wrongs { get; } = new(StringComparer.Ordinal)
    {
        ["description"] = new(m => m.Description = new string('x', 1001), "must be at most 1000 characters, has 1001"),
        ["guest"] = new(m => m.Guest = null, "is missing; give memory_bytes and what the guest writes"),
        ["guest.memory_bytes"] = new(m => m.Guest.MemoryBytes = (64UL << 40) + 1, "must be 1048576 to 70368744177664, is 70368744177665"),
        ["guest.zero_share"] = new(m => m.Guest.ZeroShare = double.NaN, "must be 0 to 1, is NaN"),
        ["guest.hot_sets"] = new(
            m => m.Guest.HotSets[0].SizeBytes = 1 << 30, "must be at most the memory that is not zero, 805306368 bytes together, are 1073741824", false),
        ["guest.hot_sets[0].name"] = new(
            m => m.Guest.HotSets[0].Name = "Hot set", "must be 1 to 63 of a-z, 0-9, '-' and '.', starting and ending with a letter or digit"),
        ["guest.hot_sets[0].size_bytes"] = new(m => m.Guest.HotSets[0].SizeBytes = 4095, "must be 4096 to 1073741824, is 4095", false),
        ["guest.hot_sets[0].write_bytes_per_second"] = new(
            m => m.Guest.HotSets[0].WriteBytesPerSecond = ulong.MaxValue, "must be 0 to 1099511627776, is 18446744073709551615"),
        ["guest.hot_sets[0].order"] = new(m => m.Guest.HotSets[0].Order = (WriteOrder)7, "must be RANDOM or SEQUENTIAL, is 7"),
        ["guest.hot_sets[0].cpu_share"] = new(m => m.Guest.HotSets[0].CpuShare = 1.5, "must be above 0 and at most 1, is 1.5; 0 means 1"),
        ["guest.hot_sets[0].changes"] = new(
            m => m.Guest.HotSets[0].Changes.Add(Enumerable.Repeat(Pace(), 16)), "must have at most 16 entries, has 17"),
        ["guest.hot_sets[0].changes[0].start"] = new(
            m => m.Guest.HotSets[0].Changes[0].Start = Seconds(-1), "must be 0 ms to 7 d, is -1 s"),
        ["guest.hot_sets[0].changes[0].lasts"] = new(
            m => m.Guest.HotSets[0].Changes[0].Lasts = Seconds(0), "must be 100 ms to 7 d, is 0 ms"),
        ["guest.hot_sets[0].changes[0].every"] = new(
            m => m.Guest.HotSets[0].Changes[0].Every = Seconds(2), "must be longer than lasts", false),
        ["guest.hot_sets[0].changes[0].factor"] = new(
            m => m.Guest.HotSets[0].Changes[0].Factor = double.PositiveInfinity, "must be 0 to 1000, is Infinity"),
        ["guest.devices"] = new(m => m.Guest.Devices.Add(m.Guest.Devices[0].Clone()), "has the name \"gpu\" more than once", false),
        ["guest.devices[0].name"] = new(
            m => m.Guest.Devices[0].Name = "", "must be 1 to 63 of a-z, 0-9, '-' and '.', starting and ending with a letter or digit"),
        ["guest.devices[0].stop_copy_bytes"] = new(
            m => m.Guest.Devices[0].StopCopyBytes = ulong.MaxValue, "must be 0 to 1099511627776, is 18446744073709551615"),
        ["guest.devices[0].initial_bytes"] = new(
            m => m.Guest.Devices[0].InitialBytes = 1UL << 41, "must be 0 to 1099511627776, is 2199023255552"),
        ["guest.devices[0].dirty_bytes_per_second"] = new(
            m => m.Guest.Devices[0].DirtyBytesPerSecond = 1UL << 41, "must be 0 to 1099511627776, is 2199023255552"),
        ["guest.devices[0].dirty_max_bytes"] = new(
            m => m.Guest.Devices[0].DirtyMaxBytes = 0, "must be above 0 for a device that changes while it runs"),
        ["guest.devices[0].load_bytes_per_second"] = new(
            m => m.Guest.Devices[0].LoadBytesPerSecond = 100_000_000_001, "must be 0 to 100000000000, is 100000000001"),
        ["guest.devices[0].rubbish_share"] = new(m => m.Guest.Devices[0].RubbishShare = -0.1, "must be 0 to 1, is -0.1"),
        ["guest.devices[0].reports"] = new(m => m.Guest.Devices[0].Reports = (DeviceReports)9, "must be EXACT, MISSING or RUBBISH, is 9"),
        ["link"] = new(m => m.Link = null, "is missing; give bytes_per_second"),
        ["link.bytes_per_second"] = new(m => m.Link.BytesPerSecond = 999, "must be 1000 to 100000000000, is 999"),
        ["link.max_bytes_per_second"] = new(m => m.Link.MaxBytesPerSecond = 100_000_000_001, "must be 0 to 100000000000, is 100000000001"),
        ["link.jitter"] = new(m => m.Link.Jitter = 0.91, "must be 0 to 0.9, is 0.91"),
        ["link.changes[0].every"] = new(m => m.Link.Changes[0].Lasts = null, "needs lasts: what never ends does not come again"),
        ["engine.version"] = new(
            m => m.Engine.Version = "9.9", "must be one of 7.2, 8.2, 9.2, 10.0, 10.1, 11.0, 11.1, is \"9.9\""),
        ["engine.fixed_downtime"] = new(m => m.Engine.FixedDowntime = Seconds(11), "must be 0 ms to 10 s, is 11 s"),
        ["engine.scan_bytes_per_second"] = new(m => m.Engine.ScanBytesPerSecond = 1, "must be 1000000 to 1000000000000, is 1"),
        ["max_downtime"] = new(m => m.MaxDowntime = null, "is missing; 1 ms to 2000 s"),
        ["deadline"] = new(m => m.Deadline = new Duration { Seconds = long.MaxValue }, "is no valid duration"),
        ["permitted.throttle_max_percent"] = new(m => m.Permitted.ThrottleMaxPercent = 100, "must be 0 to 99, is 100"),
        ["permitted.max_pause"] = new(m => m.Permitted.MaxPause = Seconds(3601), "must be 1 ms to 3600 s, is 3601 s"),
    };

    public static SimulatedMigration Sound() => new()
    {
        Description = "a guest",
        Guest = new SimulatedGuest
        {
            MemoryBytes = 1 << 30,
            ZeroShare = 0.25,
            HotSets =
            {
                new HotSet
                {
                    Name = "hot", SizeBytes = 4096, WriteBytesPerSecond = 1_000_000, Order = WriteOrder.Sequential, CpuShare = 0.5, Changes = { Pace() },
                },
            },
            Devices =
            {
                new SimulatedDevice
                {
                    Name = "gpu", StopCopyBytes = 1, InitialBytes = 2, DirtyBytesPerSecond = 3, DirtyMaxBytes = 4, NeedsAck = true, LoadBytesPerSecond = 5,
                    Reports = DeviceReports.Rubbish, RubbishShare = 0.5,
                },
            },
        },
        Link = new SimulatedLink { BytesPerSecond = 1_000_000, MaxBytesPerSecond = 2000, Jitter = 0.1, Changes = { Pace() } },
        Engine = new SimulatedEngine
        {
            Version = "11.1",
            FixedDowntime = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(30)),
            ScanBytesPerSecond = 1_000_000_000,
        },
        MaxDowntime = Seconds(1),
        Deadline = Seconds(60),
        Permitted = new PermittedMeans { ThrottleMaxPercent = 50, MaxPause = Seconds(4), PostCopy = true },
    };

    private static PaceChange Pace() => new() { Start = Seconds(1), Lasts = Seconds(2), Every = Seconds(3), Factor = 0.5 };

    private static Duration Seconds(double seconds) => Duration.FromTimeSpan(TimeSpan.FromSeconds(seconds));
}

/// <param name="Says">Of that field alone.</param>
/// <param name="Independent">It stays the one fault of its field when others are made beside it, and leads to no other.</param>
internal sealed record Wrong(Action<SimulatedMigration> Make, string Says, bool Independent = true);
