using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Npgsql;
using Orchestrator.Agent.V1;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>
/// One <see cref="AgentLink"/> for every registered host. Other control planes register hosts too, so the hosts are read again on a beat.
/// </summary>
internal sealed partial class AgentLinks(
    HostStore hosts, AgentNews news, IOptions<AgentOptions> options, TimeProvider clock, ILoggerFactory loggers) : BackgroundService
{
    private static readonly TimeSpan s_watchEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_noteSeenEvery = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, Running> _links = new(StringComparer.Ordinal);
    private readonly ILogger _logger = loggers.CreateLogger<AgentLinks>();
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>To command the host's agent; null when no such host is registered. There may be no connection just now.</summary>
    public AgentService.AgentServiceClient? ClientFor(string hostId) => Find(hostId)?.Client;

    /// <summary>True while the host's report stream is up.</summary>
    public bool IsConnected(string hostId) => Find(hostId)?.Contact is not null;

    /// <summary>The hosts whose report streams are up.</summary>
    public IReadOnlyList<string> ConnectedHosts() =>
        [.. _links.Where(entry => entry.Value.Link.Contact is not null).Select(entry => entry.Key)];

    /// <summary>"http://ADDRESS:PORT" of the host's agent; null when no such host is registered.</summary>
    public string? EndpointOf(string hostId) => Find(hostId)?.Address.Endpoint;

    /// <summary>When the agent last said anything, as far as this control plane knows; null when it has not heard it yet.</summary>
    public DateTimeOffset? LastSeen(string hostId) =>
        Find(hostId) is { LastMessageAt: not 0 and var at } ? clock.GetUtcNow() - clock.GetElapsedTime(at) : null;

    /// <summary>Begins to talk to the host; a host that is known under another endpoint is talked to there from now on.</summary>
    public void Add(AgentAddress address)
    {
        if (Find(address.HostId)?.Address == address || _stopping.IsCancellationRequested)
        {
            return;
        }

        var link = new AgentLink(address, options.Value, news, clock, loggers.CreateLogger<AgentLink>());
        var ending = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        var running = new Running(link, ending, RunAsync(link, ending));
        Running? former = null;
        _links.AddOrUpdate(address.HostId, running, (_, present) =>
        {
            former = present;
            return running;
        });
        former?.Ending.Cancel();
    }

    public void Remove(string hostId)
    {
        if (_links.TryRemove(hostId, out var removed))
        {
            removed.Ending.Cancel();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var watch = new PeriodicTimer(s_watchEvery, clock);
        var syncedAt = clock.GetTimestamp();
        var notedAt = syncedAt;
        await SyncAsync(stoppingToken);
        while (await watch.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var running in _links.Values)
            {
                running.Link.DropIfSilent();
            }

            if (clock.GetElapsedTime(syncedAt) >= options.Value.ResyncEvery)
            {
                syncedAt = clock.GetTimestamp();
                await SyncAsync(stoppingToken);
            }

            if (clock.GetElapsedTime(notedAt) >= s_noteSeenEvery)
            {
                notedAt = clock.GetTimestamp();
                await NoteSeenAsync(stoppingToken);
            }
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await _stopping.CancelAsync();
        await Task.WhenAll(_links.Values.Select(running => running.Loop));
    }

    public override void Dispose()
    {
        _stopping.Dispose();
        base.Dispose();
    }

    private AgentLink? Find(string hostId) => _links.TryGetValue(hostId, out var running) ? running.Link : null;

    private async Task RunAsync(AgentLink link, CancellationTokenSource ending)
    {
        using (ending)
        using (link)
        {
            while (!ending.IsCancellationRequested)
            {
                try
                {
                    await link.RunAsync(
                        (description, token) => DescribeAsync(link.Address.HostId, description, token), ending.Token);
                }
                catch (Exception failure) when (failure is not OutOfMemoryException)
                {
                    // Whatever it was, the other hosts are not to suffer and this one gets another chance.
                    LogLinkFailed(link.Address.HostId, failure);
                    await Task.Delay(options.Value.LongestPause, clock, ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }
    }

    private async Task SyncAsync(CancellationToken cancellation)
    {
        try
        {
            var known = _links.Keys.ToHashSet(StringComparer.Ordinal);
            foreach (var address in await hosts.ListAddressesAsync(cancellation))
            {
                known.Remove(address.HostId);
                Add(address);
            }

            // Only those that were there before the list was read: one registered meanwhile is not in it and stays.
            foreach (var gone in known)
            {
                Remove(gone);
            }
        }
        catch (NpgsqlException failure)
        {
            LogDatabase(failure.Message);
        }
    }

    private async Task NoteSeenAsync(CancellationToken cancellation)
    {
        var seen = new List<(string, DateTimeOffset)>();
        foreach (var (hostId, running) in _links)
        {
            if (running.Link.Contact is not null && LastSeen(hostId) is { } at)
            {
                seen.Add((hostId, at));
            }
        }

        try
        {
            await hosts.NoteSeenAsync(seen, cancellation);
        }
        catch (NpgsqlException failure)
        {
            LogDatabase(failure.Message);
        }
    }

    private async Task DescribeAsync(string hostId, HostDescription description, CancellationToken cancellation)
    {
        try
        {
            await hosts.DescribeAsync(hostId, description, clock.GetUtcNow(), cancellation);
        }
        catch (NpgsqlException failure)
        {
            LogDatabase(failure.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The hosts could not be read or written ({Problem}); the links go on as they are.")]
    private partial void LogDatabase(string problem);

    [LoggerMessage(2, LogLevel.Error, "Host {HostId}: the link failed in a way nobody planned; beginning anew.")]
    private partial void LogLinkFailed(string hostId, Exception failure);

    private sealed record Running(AgentLink Link, CancellationTokenSource Ending, Task Loop);
}
