using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Plausibility;

namespace Orchestrator.Policy.Tests.Plausibility;

/// <summary>Whatever comes in. Numbers are drawn from all sizes alike, the edges of the types among them.</summary>
public class PlausibilityPropertyTests
{
    private const int Runs = 400;

    [Fact]
    public void Check_Anything_NeverThrows_AndWhatIsBelievedIsInBounds()
    {
        for (var seed = 0; seed < Runs; seed++)
        {
            var random = new Random(seed);
            var memory = PlausibilityMemory.Empty;
            for (var report = 1; report <= 30; report++)
            {
                var reported = Anything(random, report);
                (var reading, memory) = PlausibilityCheck.Check(reported, memory);

                var where = $"seed {seed}, report {report}";
                Assert.True(reading.Remaining is null || reading.Remaining.Value.Bytes >= 0, where);
                Assert.True(!reading.IsFresh(ReadingNumber.Bandwidth) || reading.Bandwidth!.Value.BytesPerSecond <= 100_000_000_000, where);
                Assert.True(reading.ExpectedDowntime is null || reading.ExpectedDowntime <= TimeSpan.FromSeconds(2000), where);
                Assert.InRange(reading.ThrottlePercent, 0, 99);
                Assert.True(reading.RamTotal.Bytes <= 64L << 40, where);
                Assert.False(Named("remaining_bytes") && reading.IsFresh(ReadingNumber.Remaining), where);
                Assert.False(Named("ram_remaining_bytes") && reading.IsFresh(ReadingNumber.RamRemaining), where);
                Assert.False(Named("transferred_bytes") && reading.IsFresh(ReadingNumber.Transferred), where);
                Assert.False(Named("expected_downtime") && reading.IsFresh(ReadingNumber.ExpectedDowntime), where);
                Assert.False(Named("dirty_bytes_per_second") && reading.IsFresh(ReadingNumber.DirtyRate), where);
                Assert.False(Named("pass") && reading.IsFresh(ReadingNumber.Pass), where);

                bool Named(string field) => reading.Suspects.Any(suspect => suspect.Field == field);
            }
        }
    }

    /// <summary>A saw-tooth as QEMU makes it: nothing of a sound migration is ever suspected.</summary>
    [Fact]
    public void Check_SoundMigrations_NothingIsSuspect()
    {
        for (var seed = 0; seed < Runs; seed++)
        {
            var random = new Random(seed);
            var ram = (ulong)random.NextInt64(1L << 28, 1L << 42);
            var bandwidth = (ulong)random.NextInt64(1 << 20, 12_500_000_000);
            var hot = (ulong)(ram * random.NextDouble());
            var memory = PlausibilityMemory.Empty;
            var remaining = ram;
            ulong transferred = 0;
            var pass = 1;
            for (var report = 1; report <= 60; report++)
            {
                var moved = Math.Min(remaining, (ulong)(bandwidth * 0.25));
                remaining -= moved;
                transferred += moved;
                if (remaining == 0)
                {
                    remaining = hot;
                    pass++;
                }

                (var reading, memory) = PlausibilityCheck.Check(
                    new ReportedNumbers
                    {
                        Sequence = report,
                        Elapsed = TimeSpan.FromSeconds(report * 0.25),
                        Activity = EngineActivity.PreCopy,
                        Pass = pass,
                        FirstPass = pass == 1,
                        RamTotal = ram,
                        RamRemaining = remaining,
                        Remaining = remaining + (ulong)random.Next(1, 3 << 20),
                        Transferred = transferred,
                        Bandwidth = bandwidth,
                        SwitchOverBandwidth = bandwidth,
                        DirtyRate = pass == 1 ? null : bandwidth,
                        ExpectedDowntime = pass == 1 ? null : TimeSpan.FromSeconds(Math.Min(1999, (double)hot / bandwidth)),
                    },
                    memory);
                Assert.True(reading.Suspects.Count == 0, $"seed {seed}, report {report}: {string.Join(", ", reading.Suspects)}");
            }
        }
    }

    private static ReportedNumbers Anything(Random random, int report) => new()
    {
        Sequence = report,
        Elapsed = new TimeSpan(Signed(random)),
        Activity = (EngineActivity)random.Next(0, 6),
        Pass = random.Next(4) == 0 ? null : (int)Signed(random),
        PassesHonest = random.Next(2) == 0,
        FirstPass = random.Next(4) == 0,
        RamTotal = Unsigned(random) ?? 0,
        RamRemaining = Unsigned(random),
        Remaining = Unsigned(random),
        Transferred = Unsigned(random),
        Bandwidth = Unsigned(random),
        SwitchOverBandwidth = Unsigned(random),
        DirtyRate = Unsigned(random),
        ExpectedDowntime = random.Next(4) == 0 ? null : new TimeSpan(Signed(random)),
        EngineExpectedDowntimeMilliseconds = random.Next(4) == 0 ? null : Signed(random),
        ThrottlePercent = (int)Signed(random),
        Devices = [.. Enumerable.Range(0, random.Next(3)).Select(i => new ReportedDevice($"d{i}", Unsigned(random), Unsigned(random)))],
        Unreadable = random.Next(8) == 0 ? ["", "=", "a=b=c"] : [],
    };

    private static ulong? Unsigned(Random random) => random.Next(12) switch
    {
        0 => null,
        1 => ulong.MaxValue,
        2 => 1UL << 63,
        3 => 107_374_182_400,
        4 => 0,
        _ => (ulong)random.NextInt64() >> random.Next(64),
    };

    private static long Signed(Random random) => random.Next(12) switch
    {
        0 => long.MaxValue,
        1 => long.MinValue,
        2 => 0,
        _ => random.NextInt64() >> random.Next(63),
    };
}
