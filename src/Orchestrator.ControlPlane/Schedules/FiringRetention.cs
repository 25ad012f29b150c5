using Microsoft.Extensions.Options;
using Npgsql;
using Orchestrator.ControlPlane.Schedules.Bells;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>Removes old firings when it is rung for.</summary>
internal sealed partial class FiringRetention(
    FiringStore firings, Bells.Bells bells, IOptions<ScheduleOptions> options, TimeProvider clock, ILogger<FiringRetention> logger)
    : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var bell = bells.Listen(Bell.Retention);
        while (true)
        {
            await bell.WaitAsync(stoppingToken);
            try
            {
                await firings.RemoveOlderAsync(clock.GetUtcNow() - options.Value.KeepFirings, stoppingToken);
            }
            catch (NpgsqlException outage)
            {
                LogOutage(outage.Message);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Old firings could not be removed ({Problem}); the next ring does it.")]
    private partial void LogOutage(string problem);
}
