namespace Orchestrator.Policy.Convergence;

/// <summary>What the copy has cost as a whole, for triggers and stop conditions alike. Totals never count anew.</summary>
internal static class Totals
{
    public static Finding? PassesAbove(string condition, int max, ConvergenceMoment moment) =>
        moment.Passes is { } passes && passes > max
            ? new Finding(
                condition,
                $"the copy is in {(moment.Reading.PassesHonest ? "pass" : "round")} {Figure.Count(passes)}, "
                + $"of which {Figure.Count(max)} are allowed",
                ("passes", Figure.Count(passes)),
                ("max_passes", Figure.Count(max)))
            : null;

    public static Finding? TransferredAbove(string condition, double ramTimes, ConvergenceMoment moment)
    {
        var memory = moment.Terms.GuestMemory;
        return moment.Fresh.Transferred is { } sent && memory.Bytes > 0 && sent.Bytes > ramTimes * memory.Bytes
            ? new Finding(
                condition,
                $"{sent} were sent, more than {Figure.Number(ramTimes)} times the guest's memory of {memory}",
                ("transferred_bytes", Figure.Count(sent.Bytes)),
                ("guest_memory_bytes", Figure.Count(memory.Bytes)),
                ("max_ram_times", Figure.Number(ramTimes)))
            : null;
    }

    public static Finding Elapsed(string condition, TimeSpan limit, ConvergenceMoment moment) => new(
        condition,
        $"the copy has lasted {Figure.Seconds(moment.Elapsed)} s, of which {Figure.Seconds(limit)} s are allowed",
        ("max_elapsed_s", Figure.Seconds(limit)));
}
