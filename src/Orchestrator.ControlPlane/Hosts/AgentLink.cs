using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Orchestrator.Agent.V1;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>The line to one agent: a channel for commands, and a loop that reads its reports and comes back after every loss.</summary>
internal sealed partial class AgentLink : IDisposable
{
    // A list of a thousand guests with their specs stays well below it.
    private const int MaxMessageBytes = 16 * 1024 * 1024;

    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(100);

    private readonly AgentOptions _options;
    private readonly AgentNews _news;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly GrpcChannel _channel;
    private readonly Duration _interval;
    private readonly Lock _gate = new();
    private CancellationTokenSource? _stream;
    private volatile AgentContact? _contact;
    private long _lastMessageAt;
    private bool _problemTold;

    public AgentLink(AgentAddress address, AgentOptions options, AgentNews news, TimeProvider clock, ILogger logger)
    {
        Address = address;
        _options = options;
        _news = news;
        _clock = clock;
        _logger = logger;
        _interval = Duration.FromTimeSpan(options.ReportInterval);
        _channel = OpenChannel(address.Endpoint, options);
        Client = new AgentService.AgentServiceClient(_channel);
    }

    public AgentAddress Address { get; }

    public AgentService.AgentServiceClient Client { get; }

    /// <summary>Set while the stream is up.</summary>
    public AgentContact? Contact => _contact;

    /// <summary>Last message of any stream; <see cref="TimeProvider.GetTimestamp"/>, 0 before the first.</summary>
    public long LastMessageAt => Interlocked.Read(ref _lastMessageAt);

    public static GrpcChannel OpenChannel(string endpoint, AgentOptions options) => GrpcChannel.ForAddress(endpoint, new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler
        {
            ConnectTimeout = options.AnswerWithin,
            EnableMultipleHttp2Connections = true,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            KeepAlivePingDelay = TimeSpan.FromSeconds(5),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            UseProxy = false,
        },
        DisposeHttpClient = true,
        MaxReceiveMessageSize = MaxMessageBytes,

        // The channel's own pauses between attempts, which would otherwise grow to two minutes and fail every call meanwhile.
        InitialReconnectBackoff = s_firstPause,
        MaxReconnectBackoff = options.LongestPause,
    });

    /// <param name="describe">Is told what the agent says of its machine: at the beginning of every stream, and again and again.</param>
    public async Task RunAsync(Func<HostDescription, CancellationToken, Task> describe, CancellationToken cancellation)
    {
        var pause = s_firstPause;
        while (!cancellation.IsCancellationRequested)
        {
            if (await StreamAsync(describe, cancellation))
            {
                pause = s_firstPause;
            }

            // Not all control planes and links come back at the same moment after a network outage.
            var spread = pause * (0.8 + (Random.Shared.NextDouble() * 0.4));
            await Task.Delay(spread, _clock, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < _options.LongestPause ? pause * 2 : _options.LongestPause;
        }
    }

    /// <summary>Ends the stream when it has said nothing for too long; the loop then tries anew.</summary>
    public void DropIfSilent()
    {
        if (_contact is not null && _clock.GetElapsedTime(LastMessageAt) > _options.SilenceLimit)
        {
            LogSilent(Address.HostId, _options.SilenceLimit);
            lock (_gate)
            {
                _stream?.Cancel();
            }
        }
    }

    public void Dispose() => _channel.Dispose();

    /// <returns>True when the stream had been up.</returns>
    private async Task<bool> StreamAsync(Func<HostDescription, CancellationToken, Task> describe, CancellationToken cancellation)
    {
        using var stream = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        lock (_gate)
        {
            _stream = stream;
        }

        var wasUp = false;
        var noted = Task.CompletedTask;
        try
        {
            // Reports do not wait for the ledger to note what the host looks like.
            noted = DescribeOnAsync(await DescribeAsync(stream.Token), describe, stream.Token);
            using var call = Client.Observe(new ObserveRequest { Interval = _interval, ReplicaId = _options.ReplicaId }, cancellationToken: stream.Token);
            using var firstMessage = new CancellationTokenSource(_options.SilenceLimit, _clock);
            using (firstMessage.Token.Register(stream.Cancel))
            {
                if (!await call.ResponseStream.MoveNext(stream.Token))
                {
                    throw new RpcException(new Status(StatusCode.Unavailable, "the report stream ended at once"));
                }
            }

            Connected(call.ResponseStream.Current);
            do
            {
                Read(call.ResponseStream.Current);
            }
            while (await call.ResponseStream.MoveNext(stream.Token));

            LogLost(Address.HostId, "the agent ended the report stream");
        }
        catch (Exception failure) when (failure is RpcException or OperationCanceledException or HttpRequestException or IOException)
        {
            TellProblem(failure, stream.Token, cancellation);
        }
        finally
        {
            lock (_gate)
            {
                _stream = null;
            }

            await stream.CancelAsync();
            await noted.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            wasUp = _contact is not null;
            if (wasUp)
            {
                _contact = null;
                _news.Lost(Address.HostId);
            }
        }

        return wasUp;
    }

    private async Task DescribeOnAsync(
        HostDescription first, Func<HostDescription, CancellationToken, Task> describe, CancellationToken cancellation)
    {
        await describe(first, cancellation);
        using var beat = new PeriodicTimer(_options.DescribeEvery, _clock);
        while (await beat.WaitForNextTickAsync(cancellation))
        {
            try
            {
                await describe(await DescribeAsync(cancellation), cancellation);
            }
            catch (Exception failure) when (failure is RpcException or HttpRequestException or IOException || !cancellation.IsCancellationRequested)
            {
                // The stream tells whether the agent is there; what its machine looks like is asked again.
                LogNotDescribed(Address.HostId, failure.Message);
            }
        }
    }

    private async Task<HostDescription> DescribeAsync(CancellationToken cancellation)
    {
        using var within = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var limit = new CancellationTokenSource(_options.AnswerWithin, _clock);
        using var link = limit.Token.Register(within.Cancel);
        var description = (await Client.DescribeHostAsync(new DescribeHostRequest(), cancellationToken: within.Token)).Description;
        CheckIdentity(description?.HostId ?? "");
        return description ?? new HostDescription();
    }

    private void Connected(ObserveResponse first)
    {
        CheckIdentity(first.HostId);
        _problemTold = false;
        Interlocked.Exchange(ref _lastMessageAt, _clock.GetTimestamp());
        _contact = new AgentContact(first.AgentInstanceId, _clock.GetUtcNow());
        LogConnected(Address.HostId, Address.Endpoint, first.AgentInstanceId);
        _news.Connected(Address.HostId, first.AgentInstanceId);
    }

    private void Read(ObserveResponse message)
    {
        var arrivedAt = _clock.GetTimestamp();
        Interlocked.Exchange(ref _lastMessageAt, arrivedAt);
        CheckIdentity(message.HostId);
        _news.Message(Address.HostId, message, arrivedAt);
    }

    // An endpoint that was given to another machine must not speak for this host.
    private void CheckIdentity(string said)
    {
        if (said != Address.HostId)
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"the agent there is that of host \"{said}\""));
        }
    }

    private void TellProblem(Exception failure, CancellationToken stream, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            return;
        }

        var problem = failure is RpcException { Status.Detail: { Length: > 0 } detail } ? detail : failure.Message;
        if (_contact is not null)
        {
            // A silent stream has been told of when it was dropped.
            if (!stream.IsCancellationRequested)
            {
                LogLost(Address.HostId, problem);
            }
        }
        else if (!_problemTold)
        {
            _problemTold = true;
            LogUnreachable(Address.HostId, Address.Endpoint, problem);
        }
        else
        {
            LogStillUnreachable(Address.HostId, Address.Endpoint, problem);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Host {HostId}: connected to agent {InstanceId} at {Endpoint}.")]
    private partial void LogConnected(string hostId, string endpoint, string instanceId);

    [LoggerMessage(2, LogLevel.Warning, "Host {HostId}: lost: {Problem}. Trying to reach it again.")]
    private partial void LogLost(string hostId, string problem);

    [LoggerMessage(3, LogLevel.Warning, "Host {HostId}: not reached at {Endpoint}: {Problem}. Trying on.")]
    private partial void LogUnreachable(string hostId, string endpoint, string problem);

    [LoggerMessage(4, LogLevel.Debug, "Host {HostId}: still not reached at {Endpoint}: {Problem}.")]
    private partial void LogStillUnreachable(string hostId, string endpoint, string problem);

    [LoggerMessage(6, LogLevel.Debug, "Host {HostId}: did not say what its machine looks like: {Problem}.")]
    private partial void LogNotDescribed(string hostId, string problem);

    [LoggerMessage(5, LogLevel.Warning, "Host {HostId}: silent for {Limit}; dropping the stream.")]
    private partial void LogSilent(string hostId, TimeSpan limit);
}

/// <param name="Endpoint">"http://ADDRESS:PORT".</param>
internal sealed record AgentAddress(string HostId, string Endpoint);

/// <summary>A stream that is up.</summary>
internal sealed record AgentContact(string InstanceId, DateTimeOffset Since);
