using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Orchestrator.Agent.V1;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>
/// Tells the target's agent, from here and without the control plane, that the guest has stopped here for good. Nobody runs the guest until
/// that arrives, so it is tried until it is answered.
/// </summary>
internal sealed partial class HandOverSender(TimeProvider clock, ILogger<HandOverSender> logger) : IDisposable
{
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longestRetry = TimeSpan.FromSeconds(2);

    // The target answers when the guest runs there, and its engine may still be loading the last of it.
    private static readonly TimeSpan s_answerBound = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<string, GrpcChannel> _channels = new(StringComparer.Ordinal);

    /// <summary>Returns when the target has answered, one way or the other, or the session is closed. Does not throw.</summary>
    public async Task DeliverAsync(SessionLog log, CancellationToken cancellation)
    {
        if (log.Record.Start is not { TargetAgentEndpoint: { Length: > 0 } endpoint })
        {
            return;
        }

        var retry = s_firstRetry;
        try
        {
            while (log.Record.State != SessionState.Closed && !await TryDeliverAsync(endpoint, log, cancellation))
            {
                await Task.Delay(retry, clock, cancellation);
                retry = TimeSpan.FromTicks(Math.Min(retry.Ticks * 2, s_longestRetry.Ticks));
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
    }

    public void Dispose()
    {
        foreach (var channel in _channels.Values)
        {
            channel.Dispose();
        }
    }

    /// <returns>False when trying again may help.</returns>
    private async Task<bool> TryDeliverAsync(string endpoint, SessionLog log, CancellationToken cancellation)
    {
        var record = log.Record;
        var request = new HandOverRequest
        {
            MigrationId = record.MigrationId.ToString(),
            Epoch = record.OpeningEpoch,
            SourceEngineStatus = record.Outcome == SessionOutcome.Completed || record.EngineStatus == "completed" ? "completed" : "postcopy-active",
            SourceStoppedAt = record.StoppedAt?.ToTimestamp(),
        };
        try
        {
            var target = new AgentService.AgentServiceClient(_channels.GetOrAdd(endpoint, GrpcChannel.ForAddress));
            await target.HandOverAsync(request, deadline: clock.GetUtcNow().Add(s_answerBound).UtcDateTime, cancellationToken: cancellation);
            log.TryWrite((now, at) => now.HandOver is not null || now.State == SessionState.Closed
                ? null
                : new JournalEntry.HandedOver(at, request.Epoch, request.SourceEngineStatus));
            LogDelivered(record.MigrationId, endpoint);
            return true;
        }
        catch (RpcException refused) when (refused.StatusCode is StatusCode.FailedPrecondition or StatusCode.NotFound or StatusCode.InvalidArgument)
        {
            LogRefused(record.MigrationId, endpoint, refused.Status.Detail);
            return true;
        }
        catch (RpcException failure) when (!cancellation.IsCancellationRequested)
        {
            LogNotDelivered(record.MigrationId, endpoint, failure.Status.Detail);
            return false;
        }
        catch (RpcException cutOff)
        {
            throw new OperationCanceledException(cutOff.Message, cutOff, cancellation);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Migration {MigrationId}: handed over to the agent at {Endpoint}.")]
    private partial void LogDelivered(Guid migrationId, string endpoint);

    [LoggerMessage(2, LogLevel.Error, "Migration {MigrationId}: the agent at {Endpoint} refuses the hand-over, so the guest runs nowhere: {Reason}")]
    private partial void LogRefused(Guid migrationId, string endpoint, string reason);

    [LoggerMessage(3, LogLevel.Warning, "Migration {MigrationId}: not handed over to the agent at {Endpoint} yet: {Reason}")]
    private partial void LogNotDelivered(Guid migrationId, string endpoint, string reason);
}
