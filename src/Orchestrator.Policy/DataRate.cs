namespace Orchestrator.Policy;

/// <summary>Bytes per second.</summary>
public readonly record struct DataRate(long BytesPerSecond) : IComparable<DataRate>
{
    public static DataRate Zero => default;

    public double MebibytesPerSecond => BytesPerSecond / (1024.0 * 1024);

    public static DataRate FromMebibytesPerSecond(long mebibytes) => new(checked(mebibytes * 1024 * 1024));

    public static bool operator <(DataRate left, DataRate right) => left.BytesPerSecond < right.BytesPerSecond;

    public static bool operator >(DataRate left, DataRate right) => left.BytesPerSecond > right.BytesPerSecond;

    public static bool operator <=(DataRate left, DataRate right) => left.BytesPerSecond <= right.BytesPerSecond;

    public static bool operator >=(DataRate left, DataRate right) => left.BytesPerSecond >= right.BytesPerSecond;

    public int CompareTo(DataRate other) => BytesPerSecond.CompareTo(other.BytesPerSecond);

    public override string ToString() => FormattableString.Invariant($"{MebibytesPerSecond:0.#} MiB/s");
}
