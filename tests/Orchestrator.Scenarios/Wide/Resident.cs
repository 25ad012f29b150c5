using System.Diagnostics;
using Orchestrator.LocalFleet.Processes;
using Orchestrator.V1;

namespace Orchestrator.Scenarios.Wide;

/// <summary>A guest of a wide fleet.</summary>
internal sealed class Resident : IAsyncDisposable
{
    private const ulong Mebibyte = 1024 * 1024;
    private readonly WideFleet _fleet;
    private readonly Load _load;

    private Resident(WideFleet fleet, string id, Load load)
    {
        _fleet = fleet;
        _load = load;
        Id = id;
        Journey = new Journey(id, fleet.Fleet.Agents);
    }

    public string Id { get; }

    public Journey Journey { get; private set; }

    /// <summary>64 MiB, of which it rewrites some.</summary>
    /// <param name="terms">What else is said when it is defined.</param>
    public static async Task<Resident> StartAsync(WideFleet fleet, string hostId, Load load, Action<DefineGuestRequest>? terms = null)
    {
        await fleet.SettleAsync();
        var resident = new Resident(fleet, "r-" + Guid.NewGuid().ToString("N")[..8], load);
        var spec = ScenarioGuest.Spec(load);
        spec.BootGuest.HeartbeatsPerSecond = 25;
        var definition = new DefineGuestRequest { GuestId = resident.Id, Spec = spec };
        terms?.Invoke(definition);
        await fleet.AskAsync((replica, options) => replica.Guests.DefineGuestAsync(definition, options));
        await fleet.AskAsync((replica, options) => replica.Guests.StartGuestAsync(
            new StartGuestRequest { GuestId = resident.Id, HostId = hostId }, options.WithDeadline(DateTime.MaxValue)));
        await resident.BeatsOnAsync(hostId);
        return resident;
    }

    public StartMigrationRequest Request(string targetHostId, string policy, int budgetMilliseconds) => new()
    {
        MigrationId = Guid.NewGuid().ToString(),
        GuestId = Id,
        TargetHostId = targetHostId,
        Policy = policy,
        MaxDowntime = Policies.Milliseconds(budgetMilliseconds),
        MaxBytesPerSecond = (ulong)_load.BandwidthMebibytes * Mebibyte,
        RequestedBy = "scenario",
    };

    /// <param name="targetHostId">Empty: placement chooses.</param>
    public Task<string> MigrateAsync(string targetHostId, string policy, int budgetMilliseconds) =>
        MigrateAsync(Request(targetHostId, policy, budgetMilliseconds));

    public async Task<string> MigrateAsync(StartMigrationRequest request)
    {
        await _fleet.AskAsync((replica, options) => replica.Migrations.StartMigrationAsync(request, options));
        return request.MigrationId;
    }

    /// <summary>Begun anew on another host, after the one it was on has been declared dead: what is said there is not listened to any more.</summary>
    public async Task RestartAsync(string hostId)
    {
        var dead = (await GetAsync()).HostId;
        await Journey.DisposeAsync();
        Journey = new Journey(Id, [.. _fleet.Fleet.Agents.Where(agent => agent.HostId != dead)]);
        await _fleet.AskAsync((replica, options) => replica.Guests.StartGuestAsync(
            new StartGuestRequest { GuestId = Id, HostId = hostId }, options.WithDeadline(DateTime.MaxValue)));
        await BeatsOnAsync(hostId);
    }

    /// <summary>On all hosts again, and from here on.</summary>
    public async Task ListenAnewAsync()
    {
        await Journey.DisposeAsync();
        Journey = new Journey(Id, _fleet.Fleet.Agents);
        await BeatsOnAsync((await GetAsync()).HostId);
    }

    public async Task BeatsOnAsync(string hostId)
    {
        using var patience = new CancellationTokenSource(ScenarioFleet.Bound);
        await Journey.BeatsOnAsync(hostId, patience.Token);
    }

    public Task<Guest> GetAsync() => _fleet.AwaitGuestAsync(Id, _ => true);

    /// <summary>Processes of this guest, on all hosts or on one.</summary>
    public IReadOnlyList<int> Processes(AgentServer? host = null)
    {
        var folder = host is null ? $"/guests/{Id}/" : Path.Combine(host.RuntimeFolder, "guests", Id) + "/";
        return [.. _fleet.Fleet.GuestProcesses().Where(process => CommandLine(process).Contains(folder, StringComparison.Ordinal))];
    }

    /// <summary>As when its machine loses power.</summary>
    public void Kill(AgentServer? host = null)
    {
        foreach (var process in Processes(host))
        {
            try
            {
                Process.GetProcessById(process).Kill();
            }
            catch (Exception gone) when (gone is ArgumentException or InvalidOperationException)
            {
                // Ended by itself meanwhile.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Journey.DisposeAsync();
        if (_fleet.Servers.FirstOrDefault(replica => replica.IsRunning) is { } replica)
        {
            await ScenarioGuest.ForgetAsync(replica.Guests, Id);
        }

        Kill();
    }

    private static string CommandLine(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (IOException)
        {
            return "";
        }
    }
}
