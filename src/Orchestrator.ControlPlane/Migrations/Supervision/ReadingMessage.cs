using Google.Protobuf.WellKnownTypes;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.V1;
using SuspectNumber = Orchestrator.V1.SuspectNumber;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>Words a reading for the record and for watchers. Where nothing good is known the number is 0.</summary>
internal static class ReadingMessage
{
    public static Reading Of(ConvergenceReading reading, int round, string engineStatus, DateTimeOffset at)
    {
        var message = new Reading
        {
            Sequence = (ulong)reading.Sequence,
            At = at.ToTimestamp(),
            Elapsed = reading.Elapsed.ToDuration(),
            Pass = (uint)Math.Max(0, reading.Pass),
            PassesHonest = reading.PassesHonest,
            Round = (uint)Math.Max(0, round),
            RamTotalBytes = Bytes(reading.RamTotal),
            RamRemainingBytes = Bytes(reading.RamRemaining),
            RemainingBytes = Bytes(reading.Remaining),
            StopCopyBytes = Bytes(reading.StopCopy),
            TransferredBytes = Bytes(reading.Transferred),
            BandwidthBytesPerSecond = Rate(reading.Bandwidth),
            SwitchoverBytesPerSecond = Rate(reading.SwitchOverBandwidth),
            ExpectedDowntime = reading.ExpectedDowntime?.ToDuration(),
            DowntimeLimit = reading.DowntimeLimit.ToDuration(),
            ThrottlePercent = (uint)Math.Clamp(reading.ThrottlePercent, 0, 99),
            GuestRunning = reading.GuestRunning,
            EngineStatus = engineStatus,
        };
        if (reading.DirtyRate is { } dirty)
        {
            message.DirtyBytesPerSecond = Rate(dirty);
        }

        foreach (var suspect in reading.Suspects)
        {
            message.Suspects.Add(new SuspectNumber { Field = suspect.Field, Raw = Words.Clean(suspect.Raw), Why = suspect.Why });
        }

        return message;
    }

    private static ulong Bytes(DataSize? size) => (ulong)Math.Max(0, size?.Bytes ?? 0);

    private static ulong Rate(DataRate? rate) => (ulong)Math.Max(0, rate?.BytesPerSecond ?? 0);
}
