namespace Orchestrator.HostAgent.Guests;

/// <summary>
/// Keeps guests' consoles from filling the disk: QEMU writes their logs without end. It appends, so emptying a file under it is safe.
/// </summary>
internal sealed class LogTrimmer(GuestRegistry guests, TimeProvider clock) : BackgroundService
{
    internal const long LargestLog = 64 * 1024 * 1024;

    private static readonly TimeSpan s_beat = TimeSpan.FromMinutes(1);

    internal static void Trim(string path)
    {
        try
        {
            var log = new FileInfo(path);
            if (log.Exists && log.Length > LargestLog)
            {
                using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
                file.SetLength(0);
            }
        }
        catch (IOException)
        {
            // Its guest was removed in this moment, or the disk has worse troubles than this.
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var beat = new PeriodicTimer(s_beat, clock);
        try
        {
            while (await beat.WaitForNextTickAsync(stoppingToken))
            {
                foreach (var folder in guests.All.Select(guest => guest.Folder))
                {
                    Trim(folder.SerialLog);
                    Trim(folder.EngineLog);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }
}
