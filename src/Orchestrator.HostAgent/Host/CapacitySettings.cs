using System.Globalization;
using System.Text.RegularExpressions;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.HostAgent.Host;

/// <summary>How much of the machine guests may have, and how fast its links are, as far as an operator says so.</summary>
internal sealed partial record CapacitySettings
{
    public const string MemoryAllocatableName = "Agent:MemoryAllocatable";
    public const string MemoryReserveName = "Agent:MemoryReserve";
    public const string CpuOvercommitName = "Agent:CpuOvercommit";
    public const string LinksName = "Agent:Links";

    private const ulong Mebibyte = 1024 * 1024;
    private const ulong LeastReserve = 512 * Mebibyte;
    private const ulong MostReserve = 16 * 1024 * Mebibyte;

    // Nobody sells a faster link; keeps a slip in the unit from passing.
    private const double MostBitsPerSecond = 100e12;

    /// <summary>Agent:MemoryAllocatable, e.g. "240GiB": all guests together. Null = what the machine has less the reserve, overcommitted.</summary>
    public ulong? MemoryAllocatable { get; init; }

    /// <summary>Agent:MemoryReserve, e.g. "4GiB": kept for the machine itself. Null = a twentieth, 512 MiB to 16 GiB.</summary>
    public ulong? MemoryReserve { get; init; }

    /// <summary>Agent:MemoryOvercommit.</summary>
    public double MemoryOvercommit { get; init; } = 1;

    /// <summary>Agent:CpuOvercommit, 0.1 to 100: vCPUs for each logical CPU. Default 8, as guests mostly wait.</summary>
    public double CpuOvercommit { get; init; } = 8;

    /// <summary>Agent:Links:NAME, e.g. "25Gb/s": bytes per second by the interface's name.</summary>
    public IReadOnlyDictionary<string, ulong> Links { get; init; } = new Dictionary<string, ulong>();

    /// <param name="hugePages">Bytes held as huge pages, which are no memory to guests of ours.</param>
    /// <returns>Bytes that guests may have, all together.</returns>
    public ulong AllocatableOf(ulong total, ulong hugePages)
    {
        if (MemoryAllocatable is { } said)
        {
            return said;
        }

        var reserve = MemoryReserve ?? Math.Clamp(total / 20, LeastReserve, MostReserve);
        var rest = total > hugePages ? total - hugePages : 0;
        return rest > reserve ? (ulong)((rest - reserve) * MemoryOvercommit) : 0;
    }

    public uint VcpusOf(int cpus) => (uint)Math.Max(1, cpus * CpuOvercommit);

    public static CapacitySettings Read(IConfiguration configuration, double memoryOvercommit, Violations found)
    {
        return new CapacitySettings
        {
            MemoryAllocatable = Size(MemoryAllocatableName),
            MemoryReserve = Size(MemoryReserveName),
            MemoryOvercommit = memoryOvercommit,
            CpuOvercommit = Overcommit(),
            Links = configuration.GetSection(LinksName).GetChildren()
                .ToDictionary(link => link.Key, link => Speed(link.Path, link.Value ?? ""), StringComparer.Ordinal),
        };

        ulong? Size(string name)
        {
            if (configuration[name] is not { Length: > 0 } text)
            {
                return null;
            }

            if (ParseSize(text) is { } bytes)
            {
                return bytes;
            }

            found.Add(name, $"must be bytes, or a whole number with MiB, GiB or TiB, e.g. 240GiB, is \"{text}\"");
            return null;
        }

        double Overcommit()
        {
            if (configuration[CpuOvercommitName] is not { Length: > 0 } text)
            {
                return 8;
            }

            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is >= 0.1 and <= 100)
            {
                return value;
            }

            found.Add(CpuOvercommitName, $"must be a number from 0.1 to 100, is \"{text}\"");
            return 8;
        }

        ulong Speed(string name, string text)
        {
            if (ParseSpeed(text) is { } speed)
            {
                return speed;
            }

            found.Add(name, $"must be above 0 and at most 100000 Gb/s, with Mb/s or Gb/s, e.g. 25Gb/s, is \"{text}\"");
            return 0;
        }
    }

    /// <returns>Bytes; null when it is no size.</returns>
    internal static ulong? ParseSize(string text)
    {
        var match = SizePattern().Match(text);
        var shift = match.Groups["unit"].Value switch { "MiB" => 20, "GiB" => 30, "TiB" => 40, _ => 0 };
        return match.Success
            && ulong.TryParse(match.Groups["number"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number > 0 && number <= ulong.MaxValue >> shift
                ? number << shift
                : null;
    }

    /// <returns>Bytes per second; null when it is no speed.</returns>
    internal static ulong? ParseSpeed(string text)
    {
        var match = SpeedPattern().Match(text);
        return match.Success && double.TryParse(match.Groups["number"].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            && number * (match.Groups["unit"].Value == "G" ? 1e9 : 1e6) is var bits and >= 8 and <= MostBitsPerSecond
                ? (ulong)(bits / 8)
                : null;
    }

    [GeneratedRegex(@"^(?<number>[0-9]{1,20}) ?(?<unit>MiB|GiB|TiB)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex SizePattern();

    [GeneratedRegex(@"^(?<number>[0-9]{1,9}(\.[0-9]{1,9})?) ?(?<unit>[MG])b(?:it)?/s\z", RegexOptions.CultureInvariant)]
    private static partial Regex SpeedPattern();
}
