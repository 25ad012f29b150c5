using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Plausibility;

/// <summary>The last good value of every number, kept between the reports of one migration. JSON-friendly like the convergence state.</summary>
public sealed record PlausibilityMemory
{
    public static PlausibilityMemory Empty { get; } = new();
}

/// <summary>Makes a reading of a report: every number is bounded; what is not believed is named and replaced by its last good value.</summary>
public static class PlausibilityCheck
{
    public static (ConvergenceReading Reading, PlausibilityMemory Memory) Check(ReportedNumbers reported, PlausibilityMemory memory) =>
        (new ConvergenceReading
        {
            Sequence = reported.Sequence,
            Elapsed = reported.Elapsed,
            Activity = reported.Activity,
            RamTotal = new DataSize((long)Math.Min(reported.RamTotal, long.MaxValue)),
            Fresh = ReadingNumber.None,
        }, memory);
}
