namespace Orchestrator.Bench.Measuring;

/// <summary>Where the values of a sample lie. Percentiles are values that occurred (nearest rank), so they can be looked up.</summary>
internal sealed record Distribution
{
    public required int Count { get; init; }

    public required double P50 { get; init; }

    public required double P90 { get; init; }

    public required double P99 { get; init; }

    public required double Max { get; init; }

    /// <returns>Null for an empty sample.</returns>
    public static Distribution? Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? null : new Distribution
        {
            Count = sorted.Length,
            P50 = Rank(sorted, 0.50),
            P90 = Rank(sorted, 0.90),
            P99 = Rank(sorted, 0.99),
            Max = sorted[^1],
        };
    }

    private static double Rank(double[] sorted, double share) => sorted[(int)Math.Ceiling(share * sorted.Length) - 1];
}
