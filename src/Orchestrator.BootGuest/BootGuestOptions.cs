using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Orchestrator.BootGuest;

/// <summary>What the guest is told on its command line. Each setter refuses a value out of range and says the range.</summary>
public sealed record BootGuestOptions
{
    /// <summary>The most that working set or fill can be told to take, in MiB.</summary>
    public const int LargestMebibytes = 2800;

    // Below the working set lies the guest itself, above the fill what the firmware keeps of the machine's memory.
    private const int OverheadMebibytes = 4;

    /// <summary>Memory that is rewritten over and over, in MiB. 1..2800.</summary>
    public int WorkingSetMebibytes { get; init => field = InRange(value, 1, LargestMebibytes); } = 16;

    /// <summary>How fast it is rewritten.</summary>
    public DirtyPace Pace { get; init; } = new DirtyPace.Steady(8);

    /// <summary>Memory written once with what looks incompressible and verified from then on, in MiB. 0..2800.</summary>
    public int FillMebibytes { get; init => field = InRange(value, 0, LargestMebibytes); }

    /// <summary>Heartbeat lines per second. 1..1000.</summary>
    public int BeatsPerSecond { get; init => field = InRange(value, 1, 1000); } = 100;

    /// <summary>
    /// The least <c>-m</c> these options fit in, in MiB. On q35 a machine of 2816 MiB or more has only 2048 MiB below 4 GiB, and
    /// the guest reaches no memory above.
    /// </summary>
    public int LeastMachineMebibytes => WorkingSetMebibytes + FillMebibytes + OverheadMebibytes;

    /// <summary>The value of QEMU's <c>-append</c>.</summary>
    public string ToCommandLine()
    {
        var pace = Pace switch
        {
            DirtyPace.Steady { MebibytesPerSecond: var rate } => string.Create(CultureInfo.InvariantCulture, $"rate={rate}"),
            DirtyPace.FlatOut => "rate=0",
            DirtyPace.CpuBound { MebibytesPerSecond: var rate } => string.Create(CultureInfo.InvariantCulture, $"cpu={rate}"),
            _ => throw new UnreachableException($"No arm for {Pace}."),
        };
        return string.Create(
            CultureInfo.InvariantCulture, $"ws={WorkingSetMebibytes} {pace} fill={FillMebibytes} beat={BeatsPerSecond}");
    }

    private static int InRange(int value, int least, int most, [CallerMemberName] string name = "") =>
        value >= least && value <= most
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} must be {least}..{most}.");
}
