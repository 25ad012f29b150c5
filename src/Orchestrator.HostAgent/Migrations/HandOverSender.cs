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

    /// <summary>
    /// Connects and asks something beforehand, so that the guest does not stand still for that and for compiling the way there too. Does
    /// not throw.
    /// </summary>
    public async Task WarmUpAsync(string endpoint, Guid migrationId, CancellationToken cancellation)
    {
        if (endpoint.Length == 0)
        {
            return;
        }

        try
        {
            using var bound = new CancellationTokenSource(s_answerBound, clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(bound.Token, cancellation);
            var target = new AgentService.AgentServiceClient(ChannelTo(endpoint));
            await target.PollAsync(new PollRequest { MigrationId = migrationId.ToString() }, cancellationToken: either.Token);
        }
        catch (Exception notYet) when (notYet is OperationCanceledException or RpcException)
        {
            // The hand-over itself will try again, and say so.
        }
    }

    /// <summary>Returns when the target has answered, one way or the other, or the session is closed. Does not throw.</summary>
    /// <param name="engineStatus">The engine's word for having stopped for good.</param>
    public async Task DeliverAsync(SessionLog log, string engineStatus, CancellationToken cancellation)
    {
        if (log.Record.Start is not { TargetAgentEndpoint: { Length: > 0 } endpoint })
        {
            return;
        }

        var retry = s_firstRetry;
        try
        {
            while (log.Record.State != SessionState.Closed && !await TryDeliverAsync(endpoint, engineStatus, log, cancellation))
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

    private GrpcChannel ChannelTo(string endpoint) => _channels.GetOrAdd(endpoint, GrpcChannel.ForAddress);

    /// <returns>False when trying again may help.</returns>
    private async Task<bool> TryDeliverAsync(string endpoint, string engineStatus, SessionLog log, CancellationToken cancellation)
    {
        var record = log.Record;
        var request = new HandOverRequest
        {
            MigrationId = record.MigrationId.ToString(),
            Epoch = record.OpeningEpoch,
            SourceEngineStatus = engineStatus,
            SourceStoppedAt = record.StoppedAt?.ToTimestamp(),
        };
        try
        {
            var target = new AgentService.AgentServiceClient(ChannelTo(endpoint));
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
