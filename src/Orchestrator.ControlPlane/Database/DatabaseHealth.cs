using Dapper;
using Grpc.Health.V1;
using Microsoft.Extensions.Options;
using Npgsql;
using Orchestrator.Rpc.Health;

namespace Orchestrator.ControlPlane.Database;

/// <summary>The server is SERVING while the database answers.</summary>
internal sealed partial class DatabaseHealth(
    NpgsqlDataSource database, ServingStatuses statuses, IOptions<DatabaseOptions> options, TimeProvider clock, ILogger<DatabaseHealth> logger)
    : BackgroundService
{
    private const int ProbeSeconds = 5;
    private bool _answers = true;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var beat = new PeriodicTimer(options.Value.ProbeEvery, clock);
        while (await beat.WaitForNextTickAsync(stoppingToken))
        {
            await ProbeAsync(stoppingToken);
        }
    }

    internal async Task ProbeAsync(CancellationToken cancellation)
    {
        string? problem = null;
        try
        {
            await using var connection = await database.OpenConnectionAsync(cancellation);
            await connection.ExecuteAsync(new CommandDefinition("SELECT 1", commandTimeout: ProbeSeconds, cancellationToken: cancellation));
        }
        catch (NpgsqlException failure)
        {
            problem = failure.Message;
        }

        if (problem is null == _answers)
        {
            return;
        }

        _answers = problem is null;
        statuses.Set("", _answers ? HealthCheckResponse.Types.ServingStatus.Serving : HealthCheckResponse.Types.ServingStatus.NotServing);
        if (problem is null)
        {
            LogBack();
        }
        else
        {
            LogGone(problem);
        }
    }

    [LoggerMessage(1, LogLevel.Error, "The database does not answer: {Problem}. Health says NOT_SERVING until it does.")]
    private partial void LogGone(string problem);

    [LoggerMessage(2, LogLevel.Information, "The database answers again.")]
    private partial void LogBack();
}
