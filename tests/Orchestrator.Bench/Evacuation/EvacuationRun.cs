using Orchestrator.Bench.Evacuation.Peers;

namespace Orchestrator.Bench.Evacuation;

/// <summary>One evacuator on one fleet.</summary>
internal static class EvacuationRun
{
    /// <summary>What is not off by then is counted as never.</summary>
    public const double Horizon = 24 * 3600;

    public static IReadOnlyList<Func<Simulation, Evacuator>> Everybody { get; } =
    [
        simulation => new OurEvacuator(simulation, postCopy: true),
        simulation => new OurEvacuator(simulation, postCopy: false),
        simulation => new NovaEvacuator(simulation),
        simulation => new KubeVirtEvacuator(simulation),
        simulation => new OVirtEvacuator(simulation),
        simulation => new ProxmoxEvacuator(simulation),
    ];

    public static EvacuationFigures Of(EvacuationSetup setup, Func<Simulation, Evacuator> evacuator)
    {
        var simulation = new Simulation(setup);
        var by = evacuator(simulation);
        while (simulation.Now < Horizon && simulation.Left.Any())
        {
            var next = by.Look();
            if (by.HasGivenUp || !simulation.Left.Any())
            {
                break;
            }

            simulation.Advance(Math.Min(Horizon, next));
        }

        return EvacuationFigures.Of(simulation, by);
    }
}
