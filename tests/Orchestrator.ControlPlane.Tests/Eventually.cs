namespace Orchestrator.ControlPlane.Tests;

/// <summary>Waits for what another thread or process does in its own time.</summary>
internal static class Eventually
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    public static async Task HoldsAsync(Func<Task<bool>> condition)
    {
        var clock = TimeProvider.System;
        var began = clock.GetTimestamp();
        while (!await condition())
        {
            if (clock.GetElapsedTime(began) > s_bound)
            {
                Assert.Fail($"Did not come to hold within {s_bound}.");
            }

            await Task.Delay(s_pause, clock);
        }
    }

    public static Task HoldsAsync(Func<bool> condition) => HoldsAsync(() => Task.FromResult(condition()));
}
