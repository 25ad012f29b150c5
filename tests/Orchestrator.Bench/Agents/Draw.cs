namespace Orchestrator.Bench.Agents;

/// <summary>Chance that depends on seed and place alone, not on who draws first.</summary>
internal static class Draw
{
    /// <summary>0 up to, but not including, 1.</summary>
    public static double Share(ulong seed, int place) => (Mix(seed, place) >> 11) * (1.0 / (1UL << 53));

    /// <summary>0 up to, but not including, the bound.</summary>
    public static int Below(ulong seed, int place, int bound) => (int)(Share(seed, place) * bound);

    // The finalizer of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
    private static ulong Mix(ulong seed, int place)
    {
        var value = seed + (0x9E3779B97F4A7C15 * (ulong)(place + 1));
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
