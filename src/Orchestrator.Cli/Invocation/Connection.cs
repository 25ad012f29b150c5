using System.Net.Sockets;
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

    // An evacuation of ten thousand guests, all of them stuck and each saying why, is larger than gRPC's own 4 MiB.
    private const int LargestAnswerBytes = 64 << 20;

    private readonly TimeProvider _clock;
    private readonly GrpcChannel _channel;

    /// <param name="servers">Replicas of one control plane; whenever a connection is made, the first that can be reached is taken.</param>
    public Connection(IReadOnlyList<Uri> servers, TimeSpan timeout, TimeProvider clock)
    {
        Server = servers[0];
        Timeout = timeout;
        _clock = clock;
        _channel = GrpcChannel.ForAddress(Server, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                ConnectTimeout = s_connectWithin < timeout ? s_connectWithin : timeout,
                KeepAlivePingDelay = s_pingEvery,
                KeepAlivePingTimeout = s_connectWithin,
                ConnectCallback = servers.Count == 1 ? null : (_, cancellation) => ConnectAsync(servers, cancellation),
            },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = LargestAnswerBytes,
        });
        Hosts = new HostService.HostServiceClient(_channel);
        Guests = new GuestService.GuestServiceClient(_channel);
        Policies = new PolicyService.PolicyServiceClient(_channel);
        Migrations = new MigrationService.MigrationServiceClient(_channel);
        Admission = new AdmissionService.AdmissionServiceClient(_channel);
        Schedules = new ScheduleService.ScheduleServiceClient(_channel);
        Notices = new NoticeService.NoticeServiceClient(_channel);
        Evacuations = new EvacuationService.EvacuationServiceClient(_channel);
    }

    public Uri Server { get; }

    /// <summary>How long one call may take.</summary>
    public TimeSpan Timeout { get; }

    public HostService.HostServiceClient Hosts { get; }

    public GuestService.GuestServiceClient Guests { get; }

    public PolicyService.PolicyServiceClient Policies { get; }

    public MigrationService.MigrationServiceClient Migrations { get; }

    public AdmissionService.AdmissionServiceClient Admission { get; }

    public ScheduleService.ScheduleServiceClient Schedules { get; }

    public NoticeService.NoticeServiceClient Notices { get; }

    public EvacuationService.EvacuationServiceClient Evacuations { get; }

    /// <param name="extra">What the server may rightly take on top, e.g. a grace period.</param>
    public CallOptions Call(CancellationToken cancellation, TimeSpan extra = default) =>
        new(deadline: _clock.GetUtcNow().Add(Timeout + extra).UtcDateTime, cancellationToken: cancellation);

    public void Dispose() => _channel.Dispose();

    private static async ValueTask<Stream> ConnectAsync(IReadOnlyList<Uri> servers, CancellationToken cancellation)
    {
        for (var index = 0; ; index++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(servers[index].Host.Trim('[', ']'), servers[index].Port, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException) when (index + 1 < servers.Count)
            {
                // The next may be there.
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }
}
