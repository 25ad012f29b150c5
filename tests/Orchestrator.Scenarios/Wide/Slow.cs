using Orchestrator.V1;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios.Wide;

/// <summary>Guests and policies that leave a scenario the time to do something in the middle of a copy.</summary>
internal static class Slow
{
    /// <summary>Converges at once, yet takes long enough for whoever listens to be there before the guest is.</summary>
    public static Load Brief { get; } = new(8, 2, 8);

    /// <summary>About two seconds a pass, and never less left than that.</summary>
    public static Load Load { get; } = new(8, 32, 4);

    /// <summary>A pass takes eight seconds, and the guest rewrites its memory in one.</summary>
    public static Load Endless { get; } = new(8, 8, 1);

    /// <summary>From 30 ms on doubled after each pass, until a pass of <see cref="Load"/> fits: some twenty seconds.</summary>
    public static PolicyDocument Climbing() => Doubling(10_000);

    /// <summary>Copies on and on; a caller ends it.</summary>
    public static PolicyDocument Unending() => new()
    {
        InitialDowntime = Milliseconds(1),
        MaxDowntime = Milliseconds(1),
        Steps = { new LadderStep { Abort = new Abort(), When = { new Trigger { ElapsedAbove = Seconds(600) } } } },
    };

    public static bool IsCopying(Migration migration) => migration.LatestReading?.Pass >= 2;
}
