using Grpc.Core;
using Orchestrator.LocalFleet.Processes;
using Orchestrator.V1;

namespace Orchestrator.Scenarios.Wide;

/// <summary>
/// Three hosts and three replicas over one Postgres, with the times of the product cut to what a scenario can wait for. What is asked is
/// asked of whichever replica answers.
/// </summary>
public class WideFleet : ScenarioFleet
{
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_answerWithin = TimeSpan.FromSeconds(5);

    /// <summary>The operator's program that switches a machine off. Until a scenario has written one it fails.</summary>
    public string FencingProgram => Path.Combine(Folder, "fence.sh");

    public IReadOnlyList<ControlPlaneServer> Servers => Fleet.ControlPlanes;

    protected override int Replicas => 3;

    protected override IReadOnlyList<string> HostIds => ["host-a", "host-b", "host-c"];

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["Hosts:NoteEvery"] = "00:00:01",
        ["Hosts:SuspectAfter"] = "00:00:03",
        ["Hosts:LostAfter"] = "00:00:09",
        ["Bells:SchedulesEvery"] = "00:00:02",
        ["Notices:LookEvery"] = "00:00:00.2",
        ["Migrations:UnattendedAfter"] = "00:00:06",
        ["Fencing:Command"] = $"/bin/sh {FencingProgram} {{host}}",
    };

    /// <summary>The answer of the first replica that gives one; each is waited for only so long, since one may be frozen.</summary>
    public async Task<T> AskAsync<T>(Func<ControlPlaneServer, CallOptions, AsyncUnaryCall<T>> ask)
    {
        using var patience = new CancellationTokenSource(Bound);
        for (var turn = 0; ; turn++)
        {
            try
            {
                var answerBy = TimeProvider.System.GetUtcNow().UtcDateTime + s_answerWithin;
                return await ask(Servers[turn % Servers.Count], new CallOptions(deadline: answerBy, cancellationToken: patience.Token));
            }
            catch (RpcException away) when (
                away.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded && !patience.IsCancellationRequested)
            {
                await Task.Delay(s_lookAgain, TimeProvider.System, patience.Token);
            }
        }
    }

    /// <summary>Asks until the answer is what is waited for.</summary>
    public async Task<T> AwaitAsync<T>(Func<ControlPlaneServer, CallOptions, AsyncUnaryCall<T>> ask, Func<T, bool> isSo)
    {
        using var patience = new CancellationTokenSource(Bound);
        while (true)
        {
            var last = await AskAsync(ask);
            if (isSo(last))
            {
                return last;
            }

            if (patience.IsCancellationRequested)
            {
                throw new TimeoutException($"It never became so. Last seen: {last}");
            }

            await Task.Delay(s_lookAgain, TimeProvider.System, CancellationToken.None);
        }
    }

    public async Task<Migration> AwaitMigrationAsync(string migrationId, Func<Migration, bool> isSo) => (await AwaitAsync(
        (replica, options) => replica.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = migrationId }, options),
        answer => isSo(answer.Migration))).Migration;

    public Task<Migration> AwaitEndAsync(string migrationId) => AwaitMigrationAsync(
        migrationId,
        migration => migration.Phase is MigrationPhase.Completed or MigrationPhase.Cancelled or MigrationPhase.Failed or MigrationPhase.NeedsAttention);

    public async Task<Host> AwaitHostAsync(string hostId, Func<Host, bool> isSo) => (await AwaitAsync(
        (replica, options) => replica.Hosts.GetHostAsync(new GetHostRequest { HostId = hostId }, options), answer => isSo(answer.Host))).Host;

    public async Task<Guest> AwaitGuestAsync(string guestId, Func<Guest, bool> isSo) => (await AwaitAsync(
        (replica, options) => replica.Guests.GetGuestAsync(new GetGuestRequest { GuestId = guestId }, options),
        answer => isSo(answer.Guest))).Guest;

    /// <summary>Until every replica that runs commands again, and hears all agents that run.</summary>
    public async Task SettleAsync()
    {
        using var patience = new CancellationTokenSource(Bound);
        foreach (var server in Fleet.Agents.Concat<Server>(Fleet.ControlPlanes).Where(server => !server.IsRunning))
        {
            await server.StartAsync(patience.Token);
        }

        foreach (var agent in Fleet.Agents)
        {
            await AwaitHostAsync(agent.HostId, host => host.State == HostState.Connected);
        }
    }

    /// <summary>Which process commands a migration.</summary>
    public Task<ControlPlaneServer> CommanderAsync(Migration migration) => ReplicaAsync(migration.ReplicaId);

    /// <returns>The limits that were before.</returns>
    public async Task<AdmissionLimits> LimitAsync(Action<AdmissionLimits> change)
    {
        var limits = (await AskAsync((replica, options) => replica.Admission.GetLimitsAsync(new GetLimitsRequest(), options))).Limits;
        var changed = limits.Clone();
        change(changed);
        await SetLimitsAsync(changed);
        return limits;
    }

    public Task SetLimitsAsync(AdmissionLimits limits) => AskAsync((replica, options) => replica.Admission.UpdateLimitsAsync(
        new UpdateLimitsRequest { Limits = limits, ChangedBy = "scenario" }, options));
}

[CollectionDefinition(Name)]
public sealed class WideFleetScenarios : ICollectionFixture<WideFleet>
{
    public const string Name = "wide";
}
