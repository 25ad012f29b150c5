using Google.Protobuf.WellKnownTypes;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Migrations;

internal static class Readings
{
    public static readonly DateTimeOffset At = new(2026, 3, 1, 12, 0, 0, 500, TimeSpan.Zero);

    /// <summary>Every field set, and differently.</summary>
    public static Reading Full(ulong sequence) => new()
    {
        Sequence = sequence,
        At = At.AddMilliseconds(250 * sequence).ToTimestamp(),
        Elapsed = Fleet.Seconds(sequence * 0.25),
        Pass = 3,
        PassesHonest = true,
        Round = 4,
        RamTotalBytes = 5,
        RamRemainingBytes = 6,
        RemainingBytes = 7,
        StopCopyBytes = 8,
        TransferredBytes = 9,
        BandwidthBytesPerSecond = 10,
        SwitchoverBytesPerSecond = 11,
        DirtyBytesPerSecond = 12,
        ExpectedDowntime = Fleet.Seconds(0.013),
        DowntimeLimit = Fleet.Seconds(0.014),
        ThrottlePercent = 15,
        GuestRunning = true,
        EngineStatus = "active",
        Suspects = { new SuspectNumber { Field = "remaining_bytes", Raw = "18446744073709551615", Why = "is beyond reason" } },
        FirstPass = true,
        PausedToConverge = true,
        Fresh = { ReadingNumber.RamRemaining, ReadingNumber.DirtyRate, ReadingNumber.Pass },
        Use = ReadingUse.Waited,
        Activity = EngineActivity.SwitchingOver,
        Epoch = 16,
        MaxBytesPerSecond = 17,
        ProbeElapsed = Fleet.Seconds(18),
        ProbeInterval = Fleet.Seconds(19),
        ProbeBytes = 20,
    };

    /// <summary>What may be absent is absent.</summary>
    public static Reading Sparse(ulong sequence) => new()
    {
        Sequence = sequence,
        At = At.AddMilliseconds(250 * sequence).ToTimestamp(),
        Elapsed = new Duration(),
        DowntimeLimit = new Duration(),
    };
}
