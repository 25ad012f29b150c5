using Orchestrator.Plant.Description;

namespace Orchestrator.Lab.Workloads;

/// <param name="Name">Of its file, without the extension.</param>
internal sealed record Workload(string Name, MigrationDescription Migration);

/// <summary>What is wrong with a workload file: where, what, and what is allowed.</summary>
/// <param name="Field">Path in proto names; empty = the whole file.</param>
internal sealed record WorkloadFault(string File, string Field, string Description)
{
    public override string ToString() => Field.Length == 0 ? $"{File} {Description}" : $"{File}: {Field} {Description}";
}
