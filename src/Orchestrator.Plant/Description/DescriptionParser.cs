using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.Plant.Description;

/// <summary>Turns a described migration into one that can be played; a caller hears of everything that is wrong with it at once.</summary>
public static class DescriptionParser
{
    private const int MaxDescriptionCharacters = 1000;
    private const int Most = 16;
    private const ulong PageSize = 4096;
    private const ulong MebiByte = 1UL << 20;
    private const ulong LargestGuest = 64UL << 40;
    private const ulong LargestDevice = 1UL << 40;
    private const ulong FastestWrites = 1UL << 40;
    private const ulong FastestLink = 100_000_000_000;

    private static readonly TimeSpan s_week = TimeSpan.FromDays(7);
    private static readonly TimeSpan s_millisecond = TimeSpan.FromMilliseconds(1);

    private static readonly Dictionary<string, EngineVersion> s_versions = new(StringComparer.Ordinal)
    {
        ["7.2"] = EngineVersion.Qemu72,
        ["8.2"] = EngineVersion.Qemu82,
        ["9.2"] = EngineVersion.Qemu92,
        ["10.0"] = EngineVersion.Qemu100,
        ["10.1"] = EngineVersion.Qemu101,
        ["11.0"] = EngineVersion.Qemu110,
        ["11.1"] = EngineVersion.Qemu111,
    };

    /// <summary>The version's name as descriptions have it.</summary>
    public static string NameOf(EngineVersion version) => s_versions.First(known => known.Value == version).Key;

    /// <param name="path">Before every field's name, e.g. "migration."; empty at the top.</param>
    /// <returns>Null when there are violations.</returns>
    public static MigrationDescription? Parse(SimulatedMigration? message, string path, Violations violations)
    {
        var before = violations.Found.Count;
        message ??= new SimulatedMigration();
        violations.Text($"{path}description", message.Description, MaxDescriptionCharacters);
        var parsed = new MigrationDescription
        {
            Description = message.Description,
            Guest = Guest($"{path}guest", message.Guest, violations),
            Link = Link($"{path}link", message.Link, violations),
            Engine = Engine($"{path}engine", message.Engine ?? new SimulatedEngine(), violations),
            MaxDowntime = violations.RequiredDuration($"{path}max_downtime", message.MaxDowntime, s_millisecond, TimeSpan.FromSeconds(2000)),
            Deadline = violations.RequiredDuration($"{path}deadline", message.Deadline, TimeSpan.FromSeconds(1), s_week),
            Permitted = Permitted($"{path}permitted", message.Permitted ?? new V1.PermittedMeans(), violations),
        };
        return violations.Found.Count > before ? null : parsed;
    }

    private static PermittedMeans Permitted(string path, V1.PermittedMeans message, Violations violations)
    {
        violations.Range($"{path}.throttle_max_percent", message.ThrottleMaxPercent, 0, 99);
        return new PermittedMeans
        {
            ThrottleMaxPercent = (int)Math.Min(message.ThrottleMaxPercent, 99),
            MaxPause = violations.Duration($"{path}.max_pause", message.MaxPause, s_millisecond, TimeSpan.FromHours(1)),
            PostCopy = message.PostCopy,
        };
    }

    private static GuestDescription Guest(string path, SimulatedGuest? message, Violations violations)
    {
        if (message is null)
        {
            violations.Add(path, "is missing; give memory_bytes and what the guest writes");
            return new GuestDescription { Memory = (long)MebiByte };
        }

        var memory = violations.Range($"{path}.memory_bytes", message.MemoryBytes, MebiByte, LargestGuest);
        Share($"{path}.zero_share", message.ZeroShare, violations);
        violations.Count($"{path}.hot_sets", message.HotSets.Count, Most);
        violations.Count($"{path}.devices", message.Devices.Count, Most);
        var sets = message.HotSets.Take(Most).Select((set, index) => Set($"{path}.hot_sets[{index}]", set, memory, violations)).ToList();
        var devices = message.Devices.Take(Most).Select((device, index) => Device($"{path}.devices[{index}]", device, violations)).ToList();
        Unique($"{path}.hot_sets", [.. message.HotSets.Select(set => set.Name)], violations);
        Unique($"{path}.devices", [.. message.Devices.Select(device => device.Name)], violations);
        var used = sets.Sum(set => (double)set.Size);
        var room = memory * (1 - Math.Clamp(message.ZeroShare, 0, 1));
        if (used > room * 1.0000001)
        {
            violations.Add(
                $"{path}.hot_sets",
                FormattableString.Invariant($"must be at most the memory that is not zero, {room:0} bytes together, are {used:0}"));
        }

        return new GuestDescription
        {
            Memory = memory,
            ZeroShare = Math.Clamp(double.IsNaN(message.ZeroShare) ? 0 : message.ZeroShare, 0, 1),
            HotSets = sets,
            Devices = devices,
        };
    }

    private static HotSet Set(string path, V1.HotSet message, long memory, Violations violations)
    {
        violations.Name($"{path}.name", message.Name);
        var size = violations.Range($"{path}.size_bytes", message.SizeBytes, PageSize, (ulong)memory);
        violations.Range($"{path}.write_bytes_per_second", message.WriteBytesPerSecond, 0, FastestWrites);
        if (!(message.CpuShare is >= 0 and <= 1))
        {
            violations.Add($"{path}.cpu_share", FormattableString.Invariant($"must be above 0 and at most 1, is {message.CpuShare}; 0 means 1"));
        }

        if (message.Order is not (WriteOrder.Unspecified or WriteOrder.Random or WriteOrder.Sequential))
        {
            violations.Add($"{path}.order", $"must be RANDOM or SEQUENTIAL, is {(int)message.Order}");
        }

        return new HotSet(
            message.Name,
            size,
            message.WriteBytesPerSecond,
            message.Order is WriteOrder.Sequential,
            message.CpuShare is > 0 and <= 1 ? message.CpuShare : 1,
            Changes($"{path}.changes", message.Changes, violations));
    }

    private static SimulatedDevice Device(string path, V1.SimulatedDevice message, Violations violations)
    {
        violations.Name($"{path}.name", message.Name);
        violations.Range($"{path}.stop_copy_bytes", message.StopCopyBytes, 0, LargestDevice);
        violations.Range($"{path}.initial_bytes", message.InitialBytes, 0, LargestDevice);
        violations.Range($"{path}.dirty_bytes_per_second", message.DirtyBytesPerSecond, 0, FastestWrites);
        violations.Range($"{path}.dirty_max_bytes", message.DirtyMaxBytes, 0, LargestDevice);
        violations.Range($"{path}.load_bytes_per_second", message.LoadBytesPerSecond, 0, FastestLink);
        Share($"{path}.rubbish_share", message.RubbishShare, violations);
        if (message.DirtyBytesPerSecond > 0 && message.DirtyMaxBytes == 0)
        {
            violations.Add($"{path}.dirty_max_bytes", "must be above 0 for a device that changes while it runs");
        }

        if (!Enum.IsDefined(message.Reports))
        {
            violations.Add($"{path}.reports", $"must be EXACT, MISSING or RUBBISH, is {(int)message.Reports}");
        }

        return new SimulatedDevice
        {
            Name = message.Name,
            StopCopy = (long)Math.Min(message.StopCopyBytes, LargestDevice),
            Initial = (long)Math.Min(message.InitialBytes, LargestDevice),
            DirtyRate = message.DirtyBytesPerSecond,
            DirtyMax = (long)Math.Min(message.DirtyMaxBytes, LargestDevice),
            NeedsAck = message.NeedsAck,
            LoadRate = message.LoadBytesPerSecond,
            Reports = message.Reports switch
            {
                DeviceReports.Missing => DeviceReporting.Missing,
                DeviceReports.Rubbish => DeviceReporting.Rubbish,
                DeviceReports.Unspecified or DeviceReports.Exact => DeviceReporting.Exact,
                _ => DeviceReporting.Exact,
            },
            RubbishShare = Math.Clamp(double.IsNaN(message.RubbishShare) ? 0 : message.RubbishShare, 0, 1),
        };
    }

    private static LinkDescription Link(string path, SimulatedLink? message, Violations violations)
    {
        if (message is null)
        {
            violations.Add(path, "is missing; give bytes_per_second");
            return new LinkDescription { BytesPerSecond = FastestLink };
        }

        violations.Range($"{path}.bytes_per_second", message.BytesPerSecond, 1000, FastestLink);
        violations.Range($"{path}.max_bytes_per_second", message.MaxBytesPerSecond, 0, FastestLink);
        if (!(message.Jitter is >= 0 and <= 0.9))
        {
            violations.Add($"{path}.jitter", FormattableString.Invariant($"must be 0 to 0.9, is {message.Jitter}"));
        }

        return new LinkDescription
        {
            BytesPerSecond = message.BytesPerSecond,
            MaxBytesPerSecond = (long)Math.Min(message.MaxBytesPerSecond, FastestLink),
            Jitter = message.Jitter is >= 0 and <= 0.9 ? message.Jitter : 0,
            Changes = Changes($"{path}.changes", message.Changes, violations),
        };
    }

    private static EngineDescription Engine(string path, SimulatedEngine message, Violations violations)
    {
        var usual = new EngineDescription();
        var version = usual.Version;
        if (message.Version.Length > 0 && !s_versions.TryGetValue(message.Version, out version))
        {
            violations.Add($"{path}.version", $"must be one of {string.Join(", ", s_versions.Keys)}, is \"{violations.Text($"{path}.version", message.Version, 100)}\"");
        }

        if (message.ScanBytesPerSecond > 0)
        {
            violations.Range($"{path}.scan_bytes_per_second", message.ScanBytesPerSecond, 1_000_000, 1_000_000_000_000);
        }

        return new EngineDescription
        {
            Version = version,
            FixedDowntime = violations.Duration($"{path}.fixed_downtime", message.FixedDowntime, TimeSpan.Zero, TimeSpan.FromSeconds(10)) ?? usual.FixedDowntime,
            ScanRate = message.ScanBytesPerSecond > 0 ? message.ScanBytesPerSecond : usual.ScanRate,
        };
    }

    private static List<PaceChange> Changes(string path, Google.Protobuf.Collections.RepeatedField<V1.PaceChange> messages, Violations violations)
    {
        violations.Count(path, messages.Count, Most);
        return [.. messages.Take(Most).Select((message, index) => Change($"{path}[{index}]", message, violations))];
    }

    private static PaceChange Change(string path, V1.PaceChange message, Violations violations)
    {
        var start = violations.Duration($"{path}.start", message.Start, TimeSpan.Zero, s_week) ?? TimeSpan.Zero;
        var lasts = violations.Duration($"{path}.lasts", message.Lasts, TimeSpan.FromMilliseconds(100), s_week);
        var every = violations.Duration($"{path}.every", message.Every, TimeSpan.FromMilliseconds(100), s_week);
        if (every is { } again && (lasts is not { } once || again <= once))
        {
            violations.Add($"{path}.every", lasts is null ? "needs lasts: what never ends does not come again" : "must be longer than lasts");
        }

        if (!(message.Factor is >= 0 and <= 1000))
        {
            violations.Add($"{path}.factor", FormattableString.Invariant($"must be 0 to 1000, is {message.Factor}"));
        }

        return new PaceChange(start, lasts, every, message.Factor is >= 0 and <= 1000 ? message.Factor : 1);
    }

    private static void Share(string field, double value, Violations violations)
    {
        if (!(value is >= 0 and <= 1))
        {
            violations.Add(field, FormattableString.Invariant($"must be 0 to 1, is {value}"));
        }
    }

    private static void Unique(string field, IReadOnlyList<string> names, Violations violations)
    {
        foreach (var twice in names.GroupBy(name => name, StringComparer.Ordinal).Where(group => group.Count() > 1))
        {
            violations.Add(field, $"has the name \"{twice.Key}\" more than once");
        }
    }
}
