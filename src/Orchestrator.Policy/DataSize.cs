namespace Orchestrator.Policy;

/// <summary>An amount of data in bytes. Carries its unit so that bytes never meet mebibytes in one expression.</summary>
public readonly record struct DataSize(long Bytes) : IComparable<DataSize>
{
    public static DataSize Zero => default;

    public double Gibibytes => Bytes / (1024.0 * 1024 * 1024);

    public double Mebibytes => Bytes / (1024.0 * 1024);

    public static DataSize FromMebibytes(long mebibytes) => new(checked(mebibytes * 1024 * 1024));

    public static DataSize FromGibibytes(long gibibytes) => new(checked(gibibytes * 1024 * 1024 * 1024));

    /// <summary>How long the link needs for this much; <see cref="TimeSpan.MaxValue"/> when the link is idle or the time is beyond it.</summary>
    public static TimeSpan operator /(DataSize size, DataRate rate)
    {
        if (rate.BytesPerSecond <= 0)
        {
            return TimeSpan.MaxValue;
        }

        var seconds = (double)size.Bytes / rate.BytesPerSecond;
        return seconds >= TimeSpan.MaxValue.TotalSeconds ? TimeSpan.MaxValue : TimeSpan.FromSeconds(seconds);
    }

    /// <summary>Saturates: a sum beyond the range stays at its end.</summary>
    public static DataSize operator +(DataSize left, DataSize right) =>
        new((long)Int128.Clamp((Int128)left.Bytes + right.Bytes, long.MinValue, long.MaxValue));

    public static DataSize operator -(DataSize left, DataSize right) =>
        new((long)Int128.Clamp((Int128)left.Bytes - right.Bytes, long.MinValue, long.MaxValue));

    public static bool operator <(DataSize left, DataSize right) => left.Bytes < right.Bytes;

    public static bool operator >(DataSize left, DataSize right) => left.Bytes > right.Bytes;

    public static bool operator <=(DataSize left, DataSize right) => left.Bytes <= right.Bytes;

    public static bool operator >=(DataSize left, DataSize right) => left.Bytes >= right.Bytes;

    public int CompareTo(DataSize other) => Bytes.CompareTo(other.Bytes);

    public override string ToString() => Bytes switch
    {
        >= 1L << 30 => FormattableString.Invariant($"{Gibibytes:0.##} GiB"),
        >= 1L << 20 => FormattableString.Invariant($"{Mebibytes:0.#} MiB"),
        _ => FormattableString.Invariant($"{Bytes} B"),
    };
}
