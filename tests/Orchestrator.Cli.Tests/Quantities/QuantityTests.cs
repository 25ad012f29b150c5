using Google.Protobuf.WellKnownTypes;
using Orchestrator.Specs;

namespace Orchestrator.Cli.Tests.Quantities;

public class QuantityTests
{
    [Theory]
    [InlineData("300ms", 0, 300_000_000)]
    [InlineData("300 ms", 0, 300_000_000)]
    [InlineData("2s", 2, 0)]
    [InlineData("1m30s", 90, 0)]
    [InlineData("1m 30s", 90, 0)]
    [InlineData("1.5h", 5400, 0)]
    [InlineData("7d", 604_800, 0)]
    [InlineData("0.300s", 0, 300_000_000)]
    [InlineData("1s500ms", 1, 500_000_000)]
    [InlineData("250us", 0, 250_000)]
    [InlineData("1ns", 0, 1)]
    [InlineData("0", 0, 0)]
    [InlineData("0s", 0, 0)]
    [InlineData("315576000000s", 315_576_000_000, 0)]
    public void TryParseDuration_Sound_IsExact(string text, long seconds, int nanos)
    {
        Assert.True(Quantity.TryParseDuration(text, out var duration, out var problem), problem);
        Assert.Equal(new Duration { Seconds = seconds, Nanos = nanos }, duration);
        Assert.Null(problem);
    }

    [Theory]
    [InlineData("")]
    [InlineData("300")]
    [InlineData("ms")]
    [InlineData("-1s")]
    [InlineData("1e3s")]
    [InlineData("300 msec")]
    [InlineData("1,5s")]
    [InlineData("2s\n3")]
    public void TryParseDuration_Unsound_SaysWhatIsAllowed(string text)
    {
        Assert.False(Quantity.TryParseDuration(text, out var duration, out var problem));
        Assert.Null(duration);
        Assert.Contains(Quantity.DurationForm, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("30s1m", "large to small")]
    [InlineData("1s1s", "large to small")]
    [InlineData("315576000001s", "10000 years")]
    [InlineData("99999999999999999999999999999999999999d", "10000 years")]
    [InlineData("0.5ns", "whole nanoseconds")]
    public void TryParseDuration_WrongOrderOrRange_SaysSo(string text, string why)
    {
        Assert.False(Quantity.TryParseDuration(text, out _, out var problem));
        Assert.Contains(why, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0", 0ul)]
    [InlineData("4096", 4096ul)]
    [InlineData("4096B", 4096ul)]
    [InlineData("64MiB", 67_108_864ul)]
    [InlineData("64 MiB", 67_108_864ul)]
    [InlineData("1.5GiB", 1_610_612_736ul)]
    [InlineData("16TiB", 17_592_186_044_416ul)]
    [InlineData("10MB", 10_000_000ul)]
    [InlineData("18446744073709551615", ulong.MaxValue)]
    public void TryParseSize_Sound_IsExact(string text, ulong bytes)
    {
        Assert.True(Quantity.TryParseSize(text, out var size, out var problem), problem);
        Assert.Equal(bytes, size);
    }

    [Theory]
    [InlineData("64M", "is no size: write bytes, or a number with KiB")]
    [InlineData("64mib", "is no size")]
    [InlineData("-1", "is no size")]
    [InlineData("64MiB/s", "is no size")]
    [InlineData("", "is no size")]
    [InlineData("0.3B", "no whole number of bytes")]
    [InlineData("18446744073709551616", "at most 18446744073709551615 bytes")]
    [InlineData("99999999999TiB", "at most")]
    public void TryParseSize_Unsound_SaysWhy(string text, string why)
    {
        Assert.False(Quantity.TryParseSize(text, out _, out var problem));
        Assert.Contains(why, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0", 0ul)]
    [InlineData("1000", 1000ul)]
    [InlineData("100MiB/s", 104_857_600ul)]
    [InlineData("1Gbit/s", 125_000_000ul)]
    [InlineData("25MB/s", 25_000_000ul)]
    [InlineData("8bit/s", 1ul)]
    public void TryParseRate_Sound_IsExact(string text, ulong rate)
    {
        Assert.True(Quantity.TryParseRate(text, out var parsed, out var problem), problem);
        Assert.Equal(rate, parsed);
    }

    [Theory]
    [InlineData("100MiB")]
    [InlineData("100/s")]
    [InlineData("100Mb/s")]
    [InlineData("fast")]
    public void TryParseRate_Unsound_SaysWhatIsAllowed(string text)
    {
        Assert.False(Quantity.TryParseRate(text, out _, out var problem));
        Assert.Contains(Quantity.RateForm, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "0 ms", "0s")]
    [InlineData(0.3, "300 ms", "300ms")]
    [InlineData(12.34, "12.34 s", "12s340ms")]
    [InlineData(90, "1 min 30 s", "1m30s")]
    [InlineData(7500, "2 h 5 min", "2h5m")]
    [InlineData(3600, "1 h", "1h")]
    [InlineData(273_600, "3 d 4 h", "76h")]
    public void Duration_IsRoundedForPeopleAndExactForFiles(double seconds, string people, string file)
    {
        var duration = TimeSpan.FromSeconds(seconds).ToDuration();
        Assert.Equal(people, QuantityText.Duration(duration));
        Assert.Equal(file, QuantityText.ExactDuration(duration));
    }

    [Theory]
    [InlineData(0ul, "0 B", "0")]
    [InlineData(1023ul, "1023 B", "1023")]
    [InlineData(67_108_864ul, "64 MiB", "64MiB")]
    [InlineData(1_610_612_736ul, "1.5 GiB", "1536MiB")]
    [InlineData(ulong.MaxValue, "16777216 TiB", "18446744073709551615")]
    public void Size_IsRoundedForPeopleAndExactForFiles(ulong bytes, string people, string file)
    {
        Assert.Equal(people, QuantityText.Size(bytes));
        Assert.Equal(file, QuantityText.ExactSize(bytes));
    }

    [Fact]
    public void ExactTexts_AnyValue_ReadBackTheSame()
    {
        var random = new Random(1);
        for (var round = 0; round < 2000; round++)
        {
            var nanos = random.Next(0, 4) switch { 0 => 0, 1 => random.Next(0, 1000) * 1_000_000, 2 => random.Next(0, 1_000_000) * 1000, _ => random.Next(0, 1_000_000_000) };
            var duration = new Duration { Seconds = random.NextInt64(0, 1L << random.Next(1, 36)), Nanos = nanos };
            Assert.True(Quantity.TryParseDuration(QuantityText.ExactDuration(duration), out var read, out var problem), problem);
            Assert.Equal(duration, read);

            var bytes = (ulong)random.NextInt64() >> random.Next(0, 63) << random.Next(0, 20);
            Assert.True(Quantity.TryParseSize(QuantityText.ExactSize(bytes), out var size, out problem), problem);
            Assert.Equal(bytes, size);
            Assert.True(Quantity.TryParseRate(QuantityText.ExactRate(bytes), out var rate, out problem), problem);
            Assert.Equal(bytes, rate);
        }
    }
}
