using Grpc.Core;
using Grpc.Net.Client;
using Orchestrator.V1;

namespace Orchestrator.Cli.Invocation;

/// <summary>The services of one control plane.</summary>
internal sealed class Connection : IDisposable
{
    private static readonly TimeSpan s_connectWithin = TimeSpan.FromSeconds(10);

    // A watch is silent while nothing happens; pings tell a quiet server from a dead one.
    private static readonly TimeSpan s_pingEvery = TimeSpan.FromSeconds(15);

    private readonly TimeProvider _clock;
    private readonly GrpcChannel _channel;

    public Connection(Uri server, TimeSpan timeout, TimeProvider clock)
    {
        Server = server;
        Timeout = timeout;
        _clock = clock;
        _channel = GrpcChannel.ForAddress(server, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                ConnectTimeout = s_connectWithin < timeout ? s_connectWithin : timeout,
                KeepAlivePingDelay = s_pingEvery,
                KeepAlivePingTimeout = s_connectWithin,
            },
            DisposeHttpClient = true,
        });
        Hosts = new HostService.HostServiceClient(_channel);
        Guests = new GuestService.GuestServiceClient(_channel);
        Policies = new PolicyService.PolicyServiceClient(_channel);
        Migrations = new MigrationService.MigrationServiceClient(_channel);
        Schedules = new ScheduleService.ScheduleServiceClient(_channel);
        Notices = new NoticeService.NoticeServiceClient(_channel);
    }

    public Uri Server { get; }

    /// <summary>How long one call may take.</summary>
    public TimeSpan Timeout { get; }

    public HostService.HostServiceClient Hosts { get; }

    public GuestService.GuestServiceClient Guests { get; }

    public PolicyService.PolicyServiceClient Policies { get; }

    public MigrationService.MigrationServiceClient Migrations { get; }

    public ScheduleService.ScheduleServiceClient Schedules { get; }

    public NoticeService.NoticeServiceClient Notices { get; }

    /// <param name="extra">What the server may rightly take on top, e.g. a grace period.</param>
    public CallOptions Call(CancellationToken cancellation, TimeSpan extra = default) =>
        new(deadline: _clock.GetUtcNow().Add(Timeout + extra).UtcDateTime, cancellationToken: cancellation);

    public void Dispose() => _channel.Dispose();
}
