namespace Orchestrator.Qmp.Tests;

internal static class MigrationEvents
{
    /// <summary>The statuses that come as events, up to and with the first that is wanted.</summary>
    public static async Task<List<MigrationStatus>> StatusesUntilAsync(this QemuMonitor monitor, Func<MigrationStatus, bool> wanted)
    {
        List<MigrationStatus> seen = [];
        while (seen.Count == 0 || !wanted(seen[^1]))
        {
            if ((await monitor.Events.ReadAsync().AsTask().InTime()).Status is { } status)
            {
                seen.Add(status);
            }
        }

        return seen;
    }

    public static Task<List<MigrationStatus>> StatusesUntilAsync(this QemuMonitor monitor, MigrationStatus wanted) =>
        monitor.StatusesUntilAsync(status => status == wanted);
}
