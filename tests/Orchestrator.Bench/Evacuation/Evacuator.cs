namespace Orchestrator.Bench.Evacuation;

/// <summary>Somebody who empties hosts. Sees sizes, places, what was reported and how its own transfers stand; nothing of what is hidden.</summary>
internal abstract class Evacuator(Simulation simulation)
{
    public abstract string Name { get; }

    protected Simulation Simulation => simulation;

    /// <summary>Called at the start, after everything that happens, and at the time it asked for.</summary>
    /// <returns>When it wants to look again even if nothing happens; infinity = only then.</returns>
    public abstract double Look();

    /// <summary>True: it will begin nothing more, whatever comes.</summary>
    public virtual bool HasGivenUp => false;
}
