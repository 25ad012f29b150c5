using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Migrations.Ledger;

/// <summary>Drops the readings of days gone by and makes room for those to come.</summary>
internal sealed partial class ReadingRetention(
    ReadingStore readings, IOptions<MigrationOptions> options, TimeProvider clock, ILogger<ReadingRetention> logger)
{
    private const int DaysAhead = 3;

    public async Task TidyAsync(CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        for (var ahead = 0; ahead <= DaysAhead; ahead++)
        {
            await readings.CreatePartitionAsync(today.AddDays(ahead), cancellation);
        }

        var dropped = await readings.DropPartitionsAsync(DateOnly.FromDateTime((now - options.Value.KeepReadings).UtcDateTime), cancellation);
        if (dropped > 0)
        {
            LogDropped(dropped, options.Value.KeepReadings);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Readings of {Days} days are dropped; they are kept for {Kept}.")]
    private partial void LogDropped(int days, TimeSpan kept);
}
