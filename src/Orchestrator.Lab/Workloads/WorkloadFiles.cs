using Orchestrator.Plant.Description;
using Orchestrator.Rpc.Errors;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Lab.Workloads;

/// <summary>
/// Reads workloads: one file each, JSON or YAML of orchestrator.v1.SimulatedMigration, sizes, rates and times with their units. Finds
/// everything that is wrong in all of them.
/// </summary>
internal static class WorkloadFiles
{
    // Far above any sound description; keeps a mistaken path to something huge from being read.
    private const int MaxBytes = 1 << 20;

    /// <summary>Those that come with the laboratory.</summary>
    public static string OwnFolder => Path.Combine(AppContext.BaseDirectory, "Workloads");

    /// <returns>The sound ones in the order of their names, and what is wrong with the others.</returns>
    public static (IReadOnlyList<Workload> Workloads, List<WorkloadFault> Faults) ReadFolder(string folder)
    {
        List<Workload> workloads = [];
        List<WorkloadFault> faults = [];
        var files = Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder).Where(file => Path.GetExtension(file) is ".json" or ".yaml" or ".yml").Order(StringComparer.Ordinal).ToList()
            : [];
        if (files.Count == 0)
        {
            faults.Add(new WorkloadFault(folder, "", "has no workload: no file that ends in .json, .yaml or .yml"));
        }

        foreach (var file in files)
        {
            if (Read(file, faults) is { } workload)
            {
                workloads.Add(workload);
            }
        }

        return (workloads, faults);
    }

    /// <returns>Null when there are faults.</returns>
    public static Workload? Read(string file, List<WorkloadFault> faults)
    {
        var name = Path.GetFileName(file);
        string text;
        try
        {
            if (new FileInfo(file).Length > MaxBytes)
            {
                faults.Add(new WorkloadFault(name, "", $"is longer than {MaxBytes} bytes; is it the right file?"));
                return null;
            }

            text = File.ReadAllText(file);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            faults.Add(new WorkloadFault(name, "", $"cannot be read: {unreadable.Message}"));
            return null;
        }

        return Parse(name, text, faults);
    }

    /// <param name="file">Its name, for the faults.</param>
    public static Workload? Parse(string file, string text, List<WorkloadFault> faults)
    {
        if (!SpecReader.TryRead(text, out var node, out var broken))
        {
            faults.Add(Fault(file, broken));
            return null;
        }

        var message = new SimulatedMigration();
        var unreadable = SpecMapper.Map(node, message);
        if (unreadable.Count > 0)
        {
            faults.AddRange(unreadable.Select(fault => Fault(file, fault)));
            return null;
        }

        var violations = new Violations();
        var migration = DescriptionParser.Parse(message, "", violations);
        faults.AddRange(violations.Found.Select(found => new WorkloadFault(file, found.Field, found.Description)));
        return migration is null ? null : new Workload(Path.GetFileNameWithoutExtension(file), migration);
    }

    private static WorkloadFault Fault(string file, FieldFault fault) =>
        new(fault.Line is { } line ? $"{file}:{line}" : file, fault.Field, fault.Description);
}
