using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.PolicyMessages.Tests;

public class ReadingMessageTests
{
    private static readonly Gen<long?> s_bytes = Gen.Frequency(
        (1, Gen.Constant<long?>(null)),
        (1, Gen.Constant<long?>(0)),
        (1, Gen.Constant<long?>(long.MaxValue)),
        (5, Gen.Choose(1, int.MaxValue).Select(bytes => (long?)bytes * 4096)));

    private static readonly Gen<TimeSpan> s_times = Gen.Choose(0, int.MaxValue).Select(microseconds => TimeSpan.FromMicroseconds(microseconds));

    private static readonly Gen<SuspectNumber[]> s_suspects = Gen.Choose(0, 3).Select(count => Enumerable.Range(0, count)
        .Select(number => new SuspectNumber($"field_{number}", $"{number}", "is beyond reason")).ToArray());

    private static readonly Gen<ConvergenceReading> s_readings =
        from sequence in Gen.Choose(1, int.MaxValue)
        from elapsed in s_times
        from activity in Gen.Elements(Enum.GetValues<EngineActivity>())
        from pass in Gen.Choose(0, 1000)
        from words in Gen.ArrayOf(Gen.Elements(true, false), 5)
        from bytes in Gen.ArrayOf(s_bytes, 9)
        from expected in s_times
        from limit in s_times
        from throttle in Gen.Choose(0, 99)
        from fresh in Gen.Choose(0, 511)
        from suspects in s_suspects
        select new ConvergenceReading
        {
            Sequence = sequence,
            Elapsed = elapsed,
            Activity = activity,
            Pass = pass,
            PassesHonest = words[0],
            FirstPass = words[1],
            RamTotal = new DataSize(bytes[0] ?? 0),
            RamRemaining = Size(bytes[1]),
            Remaining = Size(bytes[2]),
            StopCopy = new DataSize(bytes[3] ?? 0),
            Transferred = Size(bytes[4]),
            Bandwidth = Rate(bytes[5]),
            SwitchOverBandwidth = Rate(bytes[6]),
            DirtyRate = Rate(bytes[7]),
            Cap = bytes[8] > 0 ? Rate(bytes[8]) : null,
            Probe = words[2] && bytes[8] is { } probed ? new DirtyProbe(expected, limit, new DataSize(probed)) : null,
            ExpectedDowntime = words[2] ? expected : null,
            DowntimeLimit = limit,
            ThrottlePercent = throttle,
            GuestRunning = words[3],
            PausedToConverge = words[4],
            Suspects = suspects,
            Fresh = (ReadingNumber)fresh,
        };

    [Fact]
    public void Read_OfAnyReading_IsThatReading() =>
        Prop.ForAll(Arb.From(s_readings), reading =>
        {
            // What is fresh is there, and of what is not the record does not tell 0 from unknown.
            var sound = Sound(reading);
            var read = ReadingMessage.Read(ReadingMessage.Of(sound));
            Assert.NotNull(read);
            Assert.Equal(sound.Suspects, read.Suspects);
            Assert.Equal(sound, read with { Suspects = sound.Suspects });
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Read_WithoutActivity_IsOfAnEarlierReleaseAndCannotBeReplayed() =>
        Assert.Null(ReadingMessage.Read(new V1.Reading { Sequence = 1, RemainingBytes = 5 }));

    private static ConvergenceReading Sound(ConvergenceReading reading)
    {
        var (fresh, sizes) = (reading.Fresh, new Dictionary<ReadingNumber, long?>
        {
            [ReadingNumber.RamRemaining] = reading.RamRemaining?.Bytes,
            [ReadingNumber.Remaining] = reading.Remaining?.Bytes,
            [ReadingNumber.Transferred] = reading.Transferred?.Bytes,
            [ReadingNumber.Bandwidth] = reading.Bandwidth?.BytesPerSecond,
            [ReadingNumber.SwitchOverBandwidth] = reading.SwitchOverBandwidth?.BytesPerSecond,
        });
        foreach (var (number, value) in sizes.ToList())
        {
            fresh = value is null ? fresh & ~number : fresh;
            sizes[number] = value == 0 && !fresh.HasFlag(number) ? null : value;
        }

        return reading with
        {
            RamRemaining = Size(sizes[ReadingNumber.RamRemaining]),
            Remaining = Size(sizes[ReadingNumber.Remaining]),
            Transferred = Size(sizes[ReadingNumber.Transferred]),
            Bandwidth = Rate(sizes[ReadingNumber.Bandwidth]),
            SwitchOverBandwidth = Rate(sizes[ReadingNumber.SwitchOverBandwidth]),
            Fresh = fresh,
        };
    }

    private static DataSize? Size(long? bytes) => bytes is { } known ? new DataSize(known) : null;

    private static DataRate? Rate(long? bytesPerSecond) => bytesPerSecond is { } known ? new DataRate(known) : null;
}
