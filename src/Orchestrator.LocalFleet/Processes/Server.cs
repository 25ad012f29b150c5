using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;

namespace Orchestrator.LocalFleet.Processes;

/// <summary>A gRPC server of the fleet that can be killed and started again under the same address.</summary>
public abstract class Server(string name, string assembly, string folder, Uri endpoint, TimeProvider clock) : IAsyncDisposable
{
    private static readonly TimeSpan s_startBound = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan s_askAgain = TimeSpan.FromMilliseconds(50);
    private FleetProcess? _process;

    public string Name => name;

    public Uri Endpoint => endpoint;

    public GrpcChannel Channel { get; } = GrpcChannel.ForAddress(endpoint);

    public FleetProcess Process => _process ?? throw new InvalidOperationException($"{name} is not started.");

    public string Folder => folder;

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>What the program is started with.</summary>
    protected abstract IEnumerable<KeyValuePair<string, string>> Settings { get; }

    /// <returns>When the server says that it serves.</returns>
    /// <exception cref="FleetException">It exited or never served; carries the end of its log.</exception>
    public async Task StartAsync(IReadOnlyDictionary<string, string> more, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        var arguments = Settings.Concat(more).Select(setting => $"--{setting.Key}={setting.Value}").ToList();
        _process = FleetProcess.Start(
            name, assembly, arguments, new Dictionary<string, string>(), Path.Combine(folder, name + ".log"));
        var health = new Health.HealthClient(Channel);
        var patience = clock.GetTimestamp();
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_process.HasExited)
            {
                throw new FleetException($"{name} ended at its start.\n{_process.LastLines(15)}");
            }

            try
            {
                var answer = await health.CheckAsync(new HealthCheckRequest(), deadline: InASecond(), cancellationToken: cancellation);
                if (answer.Status == HealthCheckResponse.Types.ServingStatus.Serving)
                {
                    return;
                }
            }
            catch (RpcException failure) when (failure.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
            {
                // Not listening yet.
            }

            if (clock.GetElapsedTime(patience) > s_startBound)
            {
                throw new FleetException($"{name} does not serve after {s_startBound.TotalSeconds} s.\n{_process.LastLines(15)}");
            }

            await Task.Delay(s_askAgain, clock, cancellation);
        }
    }

    public Task StartAsync(CancellationToken cancellation) => StartAsync(new Dictionary<string, string>(), cancellation);

    /// <summary>SIGKILL and start again.</summary>
    public async Task CrashAndRestartAsync(CancellationToken cancellation)
    {
        await Process.KillAsync();
        await StartAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        Channel.Dispose();
        GC.SuppressFinalize(this);
    }

    private DateTime InASecond() => clock.GetUtcNow().UtcDateTime.AddSeconds(1);
}

/// <summary>A part of the fleet could not be had; the message says which and shows its own words.</summary>
public sealed class FleetException(string message) : Exception(message);
