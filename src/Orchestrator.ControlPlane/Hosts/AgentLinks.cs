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

    private readonly ConcurrentDictionary<string, Running> _links = new(StringComparer.Ordinal);
    private readonly ILogger _logger = loggers.CreateLogger<AgentLinks>();
    private readonly CancellationTokenSource _stopping = new();
    private readonly DescriptionNotes _descriptions = new();
    private readonly SemaphoreSlim _syncing = new(1);
    private volatile HashSet<string> _dead = [];
    private volatile bool _syncDue;

    /// <summary>To command the host's agent; null when no such host is registered. There may be no connection just now.</summary>
    public AgentService.AgentServiceClient? ClientFor(string hostId) => Find(hostId)?.Client;

    /// <summary>True while the host's report stream is up.</summary>
    public bool IsConnected(string hostId) => Find(hostId)?.Contact is not null;

    /// <summary>The hosts whose report streams are up.</summary>
    public IReadOnlyList<string> ConnectedHosts() =>
        [.. _links.Where(entry => entry.Value.Link.Contact is not null).Select(entry => entry.Key)];

    /// <summary>"http://ADDRESS:PORT" of the host's agent; null when no such host is registered.</summary>
    public string? EndpointOf(string hostId) => Find(hostId)?.Address.Endpoint;

    /// <summary>True once this replica knows that the host was declared dead: its agent is not talked to, whatever it says.</summary>
    public bool IsDead(string hostId) => _dead.Contains(hostId);

    /// <summary>True while any host is known to be dead.</summary>
    public bool HasDead => _dead.Count > 0;

    /// <summary>The hosts whose report streams are up, and how long ago each said anything.</summary>
    public IReadOnlyList<HeardHost> Heard() =>
    [
        .. _links.Where(entry => entry.Value.Link.Contact is not null)
            .Select(entry => new HeardHost(entry.Key, clock.GetElapsedTime(entry.Value.Link.LastMessageAt))),
    ];

    /// <summary>Has the hosts read again at the next opportunity.</summary>
    public void SyncSoon() => _syncDue = true;

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
            _descriptions.Forget(hostId);
        }
    }

    /// <summary>Reads the hosts: begins with those that are new, and ends with those that are gone or dead.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public async Task SyncAsync(CancellationToken cancellation)
    {
        // An older reading must not undo what a newer one did.
        await _syncing.WaitAsync(cancellation);
        try
        {
            var known = _links.Keys.ToHashSet(StringComparer.Ordinal);
            var all = await hosts.ListAddressesAsync(cancellation);
            var before = _dead;
            _dead = all.Where(host => host.Dead).Select(host => host.Address.HostId).ToHashSet(StringComparer.Ordinal);
            foreach (var (address, _) in all.Where(host => !host.Dead))
            {
                known.Remove(address.HostId);
                Add(address);
            }

            // Only those that were there before the list was read: one registered meanwhile is not in it and stays.
            foreach (var gone in known)
            {
                Remove(gone);
            }

            // Who waits for them waits in vain, also when they had been lost long before.
            foreach (var dead in _dead.Except(before))
            {
                LogDead(dead);
                news.Lost(dead);
            }
        }
        finally
        {
            _syncing.Release();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var watch = new PeriodicTimer(s_watchEvery, clock);
        var syncedAt = clock.GetTimestamp();
        await SyncShieldedAsync(stoppingToken);
        while (await watch.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var running in _links.Values)
            {
                running.Link.DropIfSilent();
            }

            if (_syncDue || clock.GetElapsedTime(syncedAt) >= options.Value.ResyncEvery)
            {
                _syncDue = false;
                syncedAt = clock.GetTimestamp();
                await SyncShieldedAsync(stoppingToken);
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
        _syncing.Dispose();
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
                    await Task.Delay(options.Value.LongestPause, clock, ending.Token)
                        .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }
    }

    private async Task SyncShieldedAsync(CancellationToken cancellation)
    {
        try
        {
            await SyncAsync(cancellation);
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
            await hosts.DescribeAsync(hostId, description, _descriptions.IsNews(description), cancellation);
            _descriptions.Note(description);
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

    [LoggerMessage(3, LogLevel.Warning, "Host {HostId}: declared dead; its agent is not talked to.")]
    private partial void LogDead(string hostId);

    private sealed record Running(AgentLink Link, CancellationTokenSource Ending, Task Loop);
}
