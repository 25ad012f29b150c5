using Npgsql;
using Orchestrator.ControlPlane.Schedules.Bells;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>Looks when it is rung for: at one schedule, or at all.</summary>
internal sealed partial class ScheduleLoop(
    ScheduleRunner runner, ScheduleTriggers triggers, ScheduleStore schedules, ScheduleSignals signals, ILogger<ScheduleLoop> logger)
    : BackgroundService
{
    private const int Page = 500;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(FollowRingsAsync(stoppingToken), FollowBellAsync(stoppingToken));

    private async Task FollowRingsAsync(CancellationToken cancellation)
    {
        await foreach (var name in signals.Rings.ReadAllAsync(cancellation))
        {
            await TryAsync(() => runner.LookAsync(name, cancellation), cancellation);
        }
    }

    private async Task FollowBellAsync(CancellationToken cancellation)
    {
        using var bell = signals.Bells.Listen(Bell.Schedules);
        while (!cancellation.IsCancellationRequested)
        {
            // Once at the start: whoever fired last may have died over it.
            await TryAsync(() => SweepAsync(cancellation), cancellation);
            await bell.WaitAsync(cancellation);
        }
    }

    private async Task SweepAsync(CancellationToken cancellation)
    {
        await runner.SweepAsync(cancellation);
        if (await triggers.ListAsync(cancellation) is not { } hanging)
        {
            return;
        }

        var wanted = new HashSet<string>(StringComparer.Ordinal);
        for (var page = await schedules.ListAsync("", Page, cancellation);
             page.Count > 0;
             page = await schedules.ListAsync(page[^1].Name, Page, cancellation))
        {
            foreach (var schedule in page.Where(schedule => !schedule.Paused && schedule.NextDueAt is not null))
            {
                wanted.Add(schedule.Name);
                if (!hanging.Contains(schedule.Name))
                {
                    await triggers.HangAsync(schedule, cancellation);
                }
            }
        }

        foreach (var name in hanging.Except(wanted))
        {
            await triggers.TakeDownAsync(name, cancellation);
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
        catch (Exception failure)
        {
            // One schedule that cannot be read must not keep the others from firing.
            LogFailed(failure);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Schedules could not be looked at ({Problem}); they are with the next sweep.")]
    private partial void LogOutage(string problem);

    [LoggerMessage(2, LogLevel.Error, "Looking at schedules failed; the next sweep looks again.")]
    private partial void LogFailed(Exception failure);
}

/// <summary>What the loop listens to.</summary>
internal sealed record ScheduleSignals(ScheduleRings Rings, Bells.Bells Bells);
