namespace Orchestrator.Policy.Convergence;

/// <summary>Says why, with the fresh numbers that the decision stood on.</summary>
internal static class Explaining
{
    /// <param name="text">A sentence without its full stop; what remains and what is expected is added.</param>
    public static Explanation Explain(
        ConvergenceMoment moment, string rule, string text, IEnumerable<(string Name, string Value)> inputs)
    {
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in Always(moment).Concat(inputs))
        {
            all[name] = value;
        }

        return new Explanation(rule, $"{text}. {Standing(moment)}", all);
    }

    private static string Standing(ConvergenceMoment moment)
    {
        var remaining = moment.Fresh.Remaining is { } left ? $"{left} remain" : "what remains is not known";
        var expected = moment.Fresh.ExpectedDowntime is { } downtime
            ? $"{Figure.Milliseconds(downtime)} ms of downtime are expected"
            : "the expected downtime is not known";
        var budget = Figure.Milliseconds(moment.Terms.Budget);
        return $"At {Figure.Seconds(moment.Elapsed)} s, {remaining}, {expected}, the budget is {budget} ms.";
    }

    private static IEnumerable<(string Name, string Value)> Always(ConvergenceMoment moment)
    {
        yield return ("elapsed_s", Figure.Seconds(moment.Elapsed));
        yield return ("limit_ms", Figure.Milliseconds(moment.State.Limit));
        yield return ("budget_ms", Figure.Milliseconds(moment.Terms.Budget));
        yield return ("round", Figure.Count(moment.State.Round));
        if (moment.State.Pacing.BegunBy is { } begunBy)
        {
            yield return ("raising_since_rule", begunBy);
        }

        var fresh = moment.Fresh;
        (string Name, long? Value)[] counts =
        [
            ("pass", fresh.Pass),
            ("remaining_bytes", fresh.Remaining?.Bytes),
            ("stop_copy_bytes", fresh.StopCopy?.Bytes),
            ("bandwidth_bytes_per_second", fresh.Bandwidth?.BytesPerSecond),
            ("switchover_bandwidth_bytes_per_second", fresh.SwitchOverBandwidth?.BytesPerSecond),
            ("dirty_bytes_per_second", fresh.DirtyRate?.BytesPerSecond),
        ];
        foreach (var (name, value) in counts)
        {
            if (value is { } known)
            {
                yield return (name, Figure.Count(known));
            }
        }

        if (fresh.ExpectedDowntime is { } expected)
        {
            yield return ("expected_downtime_ms", Figure.Milliseconds(expected));
        }
    }
}
