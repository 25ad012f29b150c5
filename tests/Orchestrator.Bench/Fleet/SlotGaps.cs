namespace Orchestrator.Bench.Fleet;

/// <summary>
/// How long a slot stood empty. With a fixed number of slots and a queue that never runs dry, the k-th end makes room for the k-th beginning
/// after the slots were first full, whichever migration that is.
/// </summary>
internal static class SlotGaps
{
    /// <param name="slots">How many may run at once, and nothing else holds anything back.</param>
    /// <param name="begun">All beginnings ever, in any order.</param>
    /// <param name="ended">All ends ever, in any order.</param>
    /// <returns>For each end within the time span, until the beginning that it made room for; not for ends whose beginning has not come.</returns>
    public static IReadOnlyList<TimeSpan> Between(
        int slots, IEnumerable<DateTimeOffset> begun, IEnumerable<DateTimeOffset> ended, DateTimeOffset from, DateTimeOffset to)
    {
        var beginnings = begun.Order().Skip(slots).ToList();
        return [.. ended.Order().Zip(beginnings, (end, next) => (End: end, Gap: next - end)).Where(pair => pair.End >= from && pair.End <= to).Select(pair => pair.Gap)];
    }
}
