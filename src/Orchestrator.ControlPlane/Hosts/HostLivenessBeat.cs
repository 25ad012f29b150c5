using Microsoft.Extensions.Options;
using Npgsql;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Writes down which hosts this replica hears, and tells once when one is lost.</summary>
internal sealed partial class HostLivenessBeat(
    HostLivenessStore liveness, AgentLinks links, IOptions<HostLivenessOptions> options, TimeProvider clock, ILogger<HostLivenessBeat> logger)
    : BackgroundService
{
    private static readonly TimeSpan s_glance = TimeSpan.FromMilliseconds(250);

    private HashSet<string> _noted = [];
    private long _notedAt;

    // Often enough that what is written is not much later than NoteEvery says, whichever replica comes first; and at once for a new one.
    private bool IsDue(IReadOnlyList<HeardHost> heard) =>
        clock.GetElapsedTime(_notedAt) >= options.Value.NoteEvery / 4 || heard.Any(host => !_noted.Contains(host.HostId));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var beat = new PeriodicTimer(s_glance, clock);
        var hearsSince = clock.GetTimestamp();
        while (await beat.WaitForNextTickAsync(stoppingToken))
        {
            if (links.Heard() is var heard && !IsDue(heard))
            {
                continue;
            }

            try
            {
                await NoteHeardAsync(heard, stoppingToken);
                _notedAt = clock.GetTimestamp();
                _noted = [.. heard.Select(host => host.HostId)];
                if (clock.GetElapsedTime(hearsSince) >= options.Value.SuspectSilence)
                {
                    await NoteLostAsync(stoppingToken);
                }
            }
            catch (NpgsqlException failure)
            {
                // While nothing could be written the ledger's silence is its own: nobody is lost by that.
                hearsSince = clock.GetTimestamp();
                LogDatabase(failure.Message);
            }
        }
    }

    private async Task NoteHeardAsync(IReadOnlyList<HeardHost> heard, CancellationToken cancellation)
    {
        if (heard.Count > 0)
        {
            foreach (var hostId in await liveness.NoteHeardAsync(heard, options.Value, cancellation))
            {
                LogFound(hostId);
            }
        }
    }

    private async Task NoteLostAsync(CancellationToken cancellation)
    {
        foreach (var hostId in await liveness.NoteLostAsync([.. links.Heard().Select(host => host.HostId)], options.Value, cancellation))
        {
            LogLost(hostId, options.Value.LostAfter);
        }
    }

    [LoggerMessage(1, LogLevel.Error, "Host {HostId}: lost, nobody has heard it for {Limit}. Nothing of it is started elsewhere unless it is declared dead or fenced.")]
    private partial void LogLost(string hostId, TimeSpan limit);

    [LoggerMessage(2, LogLevel.Information, "Host {HostId}: was lost and is heard again.")]
    private partial void LogFound(string hostId);

    [LoggerMessage(3, LogLevel.Warning, "Which hosts are heard could not be written down ({Problem}); trying again.")]
    private partial void LogDatabase(string problem);
}
