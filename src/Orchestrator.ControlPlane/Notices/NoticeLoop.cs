using Microsoft.Extensions.Options;
using Npgsql;
using Orchestrator.ControlPlane.Schedules.Bells;

namespace Orchestrator.ControlPlane.Notices;

/// <summary>On every replica: closes notices that have come to their end, and posts those that are due.</summary>
internal sealed partial class NoticeLoop(
    NoticeStore notices, NoticeDelivery delivery, NoticeSignals signals, TimeProvider clock, ILogger<NoticeLoop> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await LookAsync(stoppingToken);
        }
        finally
        {
            await delivery.FinishAsync();
        }
    }

    private async Task LookAsync(CancellationToken cancellation)
    {
        using var changes = signals.Changes.Listen();
        while (true)
        {
            await TryAsync(
                async () =>
                {
                    await notices.CloseAsync(clock.GetUtcNow(), cancellation);
                    await delivery.BeginDueAsync(cancellation);
                },
                cancellation);

            // What was just written rings as well; a change that is lost is found at the next look.
            await changes.WaitAsync(signals.Options.Value.LookEvery, clock, cancellation);
        }
    }

    private async Task TryAsync(Func<Task> look, CancellationToken cancellation)
    {
        try
        {
            await look();
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (NpgsqlException outage)
        {
            LogOutage(outage.Message);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogFailed(failure);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Notices could not be looked at ({Problem}); it is tried again.")]
    private partial void LogOutage(string problem);

    [LoggerMessage(2, LogLevel.Error, "Looking at notices failed; it is tried again.")]
    private partial void LogFailed(Exception failure);
}

/// <summary>What the loop listens to, and how often it looks without.</summary>
internal sealed record NoticeSignals(NoticeChanges Changes, Bells Bells, IOptions<NoticeOptions> Options);
