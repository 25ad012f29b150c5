using System.Text.RegularExpressions;

namespace Orchestrator.Policy.Placement;

/// <summary>
/// What a host's engines lack for a machine. One engine must have everything; the one that comes furthest is reported on.
/// </summary>
/// <param name="Accelerator">One has it.</param>
/// <param name="MachineType">One that has the accelerator, or any when none has it, builds the machine type or does not say.</param>
/// <param name="Version">Of those, one is not of an older series than the source's.</param>
internal readonly partial record struct EngineFit(bool Accelerator, bool MachineType, bool Version)
{
    public static EngineFit Of(FleetHost host, MachineNeeds machine)
    {
        if (host.Engines.Count == 0)
        {
            // One obstacle says it.
            return new EngineFit(Accelerator: false, MachineType: true, Version: true);
        }

        var accelerated = Having(host.Engines, engine => engine.Accelerators.Contains(machine.Accelerator), out var hasAccelerator);
        var building = Having(accelerated, engine => Builds(engine, machine.MachineType), out var hasMachineType);
        var source = EngineVersion.Parse(machine.EngineVersion);
        _ = Having(building, engine => !EngineVersion.Parse(engine.Version).IsOfOlderSeriesThan(source), out var hasVersion);
        return new EngineFit(hasAccelerator, hasMachineType, hasVersion);
    }

    /// <summary>The engines that are left to report on.</summary>
    public static IReadOnlyList<FleetEngine> Nearest(FleetHost host, MachineNeeds machine) => Having(
        Having(host.Engines, engine => engine.Accelerators.Contains(machine.Accelerator), out _),
        engine => Builds(engine, machine.MachineType),
        out _);

    private static bool Builds(FleetEngine engine, string machineType) =>
        engine.MachineTypes.Count == 0 || !VersionedPattern().IsMatch(machineType) || engine.MachineTypes.Contains(machineType);

    // When none has it, the next question is asked of all, so that everything that is missing is told at once.
    private static IReadOnlyList<FleetEngine> Having(IReadOnlyList<FleetEngine> engines, Predicate<FleetEngine> has, out bool any)
    {
        var having = engines.Where(engine => has(engine)).ToList();
        any = having.Count > 0;
        return any ? having : engines;
    }

    // "pc-q35-7.2", "pc-i440fx-2.11", "virt-9.0", "pc-q35-rhel9.4.0".
    [GeneratedRegex(@"-[a-z]*[0-9]+\.[0-9]", RegexOptions.CultureInvariant)]
    private static partial Regex VersionedPattern();
}
