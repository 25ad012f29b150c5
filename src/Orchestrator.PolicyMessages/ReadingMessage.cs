using Google.Protobuf.WellKnownTypes;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.V1;
using ReadingNumber = Orchestrator.Policy.Convergence.ReadingNumber;

namespace Orchestrator.PolicyMessages;

/// <summary>Words a reading for the record and for watchers, and reads it back as policy saw it.</summary>
public static class ReadingMessage
{
    // In the order of the contract, whose number n is policy's bit n - 1.
    private static readonly V1.ReadingNumber[] s_numbers =
        [.. System.Enum.GetValues<V1.ReadingNumber>().Where(number => number is not V1.ReadingNumber.Unspecified)];

    /// <summary>
    /// Where nothing good is known the number is 0. Time, round, the engine's word, use and epoch are for whoever reads to put in.
    /// </summary>
    public static Reading Of(ConvergenceReading reading)
    {
        var message = new Reading
        {
            Sequence = (ulong)reading.Sequence,
            Elapsed = reading.Elapsed.ToDuration(),
            Activity = Word(reading.Activity),
            Pass = (uint)Math.Max(0, reading.Pass),
            PassesHonest = reading.PassesHonest,
            FirstPass = reading.FirstPass,
            RamTotalBytes = Bytes(reading.RamTotal),
            RamRemainingBytes = Bytes(reading.RamRemaining),
            RemainingBytes = Bytes(reading.Remaining),
            StopCopyBytes = Bytes(reading.StopCopy),
            TransferredBytes = Bytes(reading.Transferred),
            BandwidthBytesPerSecond = Bytes(reading.Bandwidth),
            SwitchoverBytesPerSecond = Bytes(reading.SwitchOverBandwidth),
            MaxBytesPerSecond = Bytes(reading.Cap),
            ProbeElapsed = reading.Probe?.At.ToDuration(),
            ProbeInterval = reading.Probe?.Interval.ToDuration(),
            ProbeBytes = Bytes(reading.Probe?.Dirtied),
            ExpectedDowntime = reading.ExpectedDowntime?.ToDuration(),
            DowntimeLimit = reading.DowntimeLimit.ToDuration(),
            ThrottlePercent = (uint)Math.Clamp(reading.ThrottlePercent, 0, 99),
            GuestRunning = reading.GuestRunning,
            PausedToConverge = reading.PausedToConverge,
            Fresh = { s_numbers.Where(number => reading.IsFresh(Bit(number))) },
        };
        if (reading.DirtyRate is { } dirty)
        {
            message.DirtyBytesPerSecond = Bytes(dirty);
        }

        foreach (var suspect in reading.Suspects)
        {
            message.Suspects.Add(new V1.SuspectNumber { Field = suspect.Field, Raw = suspect.Raw, Why = suspect.Why });
        }

        return message;
    }

    /// <summary>
    /// What <see cref="Of"/> was given. One thing the record does not keep: a carried-over amount of 0 comes back as unknown, and neither may
    /// cause anything.
    /// </summary>
    /// <returns>Null for one of a release that did not record what the engine was doing.</returns>
    public static ConvergenceReading? Read(Reading message)
    {
        if (Read(message.Activity) is not { } activity)
        {
            return null;
        }

        var fresh = message.Fresh.Aggregate(ReadingNumber.None, (all, number) => all | Bit(number));
        return new ConvergenceReading
        {
            Sequence = (long)Math.Min(message.Sequence, long.MaxValue),
            Elapsed = message.Elapsed?.ToTimeSpan() ?? TimeSpan.Zero,
            Activity = activity,
            Pass = (int)Math.Min(message.Pass, int.MaxValue),
            PassesHonest = message.PassesHonest,
            FirstPass = message.FirstPass,
            RamTotal = Size(message.RamTotalBytes),
            RamRemaining = Known(ReadingNumber.RamRemaining, message.RamRemainingBytes) ? Size(message.RamRemainingBytes) : null,
            Remaining = Known(ReadingNumber.Remaining, message.RemainingBytes) ? Size(message.RemainingBytes) : null,
            StopCopy = Size(message.StopCopyBytes),
            Transferred = Known(ReadingNumber.Transferred, message.TransferredBytes) ? Size(message.TransferredBytes) : null,
            Bandwidth = Known(ReadingNumber.Bandwidth, message.BandwidthBytesPerSecond) ? Rate(message.BandwidthBytesPerSecond) : null,
            SwitchOverBandwidth = Known(ReadingNumber.SwitchOverBandwidth, message.SwitchoverBytesPerSecond)
                ? Rate(message.SwitchoverBytesPerSecond)
                : null,
            Cap = message.MaxBytesPerSecond > 0 ? Rate(message.MaxBytesPerSecond) : null,
            DirtyRate = message.HasDirtyBytesPerSecond ? Rate(message.DirtyBytesPerSecond) : null,
            Probe = message is { ProbeElapsed: { } probed, ProbeInterval: { } lasted }
                ? new Policy.Convergence.DirtyProbe(probed.ToTimeSpan(), lasted.ToTimeSpan(), Size(message.ProbeBytes))
                : null,
            ExpectedDowntime = message.ExpectedDowntime?.ToTimeSpan(),
            DowntimeLimit = message.DowntimeLimit?.ToTimeSpan() ?? TimeSpan.Zero,
            ThrottlePercent = (int)Math.Min(message.ThrottlePercent, 99),
            GuestRunning = message.GuestRunning,
            PausedToConverge = message.PausedToConverge,
            Suspects = [.. message.Suspects.Select(suspect => new Policy.Convergence.SuspectNumber(suspect.Field, suspect.Raw, suspect.Why))],
            Fresh = fresh,
        };

        bool Known(ReadingNumber number, ulong value) => value > 0 || fresh.HasFlag(number);
    }

    private static V1.EngineActivity Word(Policy.Convergence.EngineActivity activity) => activity switch
    {
        Policy.Convergence.EngineActivity.Setup => V1.EngineActivity.Setup,
        Policy.Convergence.EngineActivity.PreCopy => V1.EngineActivity.PreCopy,
        Policy.Convergence.EngineActivity.SwitchingOver => V1.EngineActivity.SwitchingOver,
        Policy.Convergence.EngineActivity.PostCopy => V1.EngineActivity.PostCopy,
        Policy.Convergence.EngineActivity.PostCopyPaused => V1.EngineActivity.PostCopyPaused,
        Policy.Convergence.EngineActivity.Ended => V1.EngineActivity.Ended,
    };

    private static Policy.Convergence.EngineActivity? Read(V1.EngineActivity activity) => activity switch
    {
        V1.EngineActivity.Unspecified => null,
        V1.EngineActivity.Setup => Policy.Convergence.EngineActivity.Setup,
        V1.EngineActivity.PreCopy => Policy.Convergence.EngineActivity.PreCopy,
        V1.EngineActivity.SwitchingOver => Policy.Convergence.EngineActivity.SwitchingOver,
        V1.EngineActivity.PostCopy => Policy.Convergence.EngineActivity.PostCopy,
        V1.EngineActivity.PostCopyPaused => Policy.Convergence.EngineActivity.PostCopyPaused,
        V1.EngineActivity.Ended => Policy.Convergence.EngineActivity.Ended,
    };

    private static ReadingNumber Bit(V1.ReadingNumber number) =>
        number is V1.ReadingNumber.Unspecified ? ReadingNumber.None : (ReadingNumber)(1 << ((int)number - 1));

    private static ulong Bytes(DataSize? size) => (ulong)Math.Max(0, size?.Bytes ?? 0);

    private static ulong Bytes(DataRate? rate) => (ulong)Math.Max(0, rate?.BytesPerSecond ?? 0);

    private static DataSize Size(ulong bytes) => new((long)Math.Min(bytes, long.MaxValue));

    private static DataRate Rate(ulong bytesPerSecond) => new((long)Math.Min(bytesPerSecond, long.MaxValue));
}
