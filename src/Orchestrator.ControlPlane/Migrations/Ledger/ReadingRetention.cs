using Microsoft.Extensions.Options;
using Npgsql;
using Orchestrator.ControlPlane.Schedules.Bells;

namespace Orchestrator.ControlPlane.Migrations.Ledger;

/// <summary>Drops the readings of days gone by and makes room for those to come, when it is rung for.</summary>
internal sealed partial class ReadingRetention(
    ReadingStore readings, Bells bells, IOptions<MigrationOptions> options, TimeProvider clock, ILogger<ReadingRetention> logger)
    : BackgroundService
{
    private const int DaysAhead = 3;

    /// <returns>Partitions dropped.</returns>
    public async Task<int> TidyAsync(CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        for (var ahead = 0; ahead <= DaysAhead; ahead++)
        {
            await readings.CreatePartitionAsync(today.AddDays(ahead), cancellation);
        }

        return await readings.DropPartitionsAsync(DateOnly.FromDateTime((now - options.Value.KeepReadings).UtcDateTime), cancellation);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var bell = bells.Listen(Bell.Retention);
        while (true)
        {
            await bell.WaitAsync(stoppingToken);
            try
            {
                var dropped = await TidyAsync(stoppingToken);
                if (dropped > 0)
                {
                    LogDropped(dropped, options.Value.KeepReadings);
                }
            }
            catch (NpgsqlException busy)
            {
                LogBusy(busy.Message);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Readings of {Days} days are dropped; they are kept for {Kept}.")]
    private partial void LogDropped(int days, TimeSpan kept);

    [LoggerMessage(2, LogLevel.Warning, "Old readings could not be dropped ({Problem}); the next ring does it.")]
    private partial void LogBusy(string problem);
}
