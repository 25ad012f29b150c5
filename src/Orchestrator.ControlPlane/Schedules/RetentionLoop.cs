using Npgsql;
using Orchestrator.ControlPlane.Schedules.Bells;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>Something that is kept for a while, and whoever owns it takes away then.</summary>
/// <param name="What">For the log, e.g. "readings".</param>
/// <param name="TidyAsync">May be called on several replicas at once, and again after it failed halfway.</param>
internal sealed record Retention(string What, Func<CancellationToken, Task> TidyAsync);

/// <summary>Has everything that is too old taken away when it is rung for.</summary>
internal sealed partial class RetentionLoop(IEnumerable<Retention> kept, Bells.Bells bells, ILogger<RetentionLoop> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var bell = bells.Listen(Bell.Retention);
        while (true)
        {
            await bell.WaitAsync(stoppingToken);
            foreach (var retention in kept)
            {
                try
                {
                    await retention.TidyAsync(stoppingToken);
                }
                catch (NpgsqlException outage)
                {
                    LogOutage(retention.What, outage.Message);
                }
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Old {What} could not be removed ({Problem}); the next ring does it.")]
    private partial void LogOutage(string what, string problem);
}
