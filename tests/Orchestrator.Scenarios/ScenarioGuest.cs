using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.BootGuest;
using Orchestrator.LocalFleet.Processes;
using Orchestrator.V1;
using GuestState = Orchestrator.V1.GuestState;

namespace Orchestrator.Scenarios;

/// <summary>What a scenario's guest does to its memory, and how fast the copy may go.</summary>
/// <param name="BandwidthMebibytes">Cap of the copy in MiB/s; 0 = none.</param>
internal sealed record Load(int WorkingSetMebibytes, int DirtyMebibytes, int BandwidthMebibytes, bool CpuBound = false)
{
    /// <summary>Converges at once.</summary>
    public static Load Light { get; } = new(8, 4, 0);

    /// <summary>Copied at 8 MiB/s and dirtied at 32: never fits in a short downtime while the guest runs at full speed.</summary>
    public static Load Heavy { get; } = new(8, 32, 8);
}

/// <summary>A guest that begins on host-a, listened to on both hosts, and the questions every scenario asks at its end.</summary>
internal sealed class ScenarioGuest : IAsyncDisposable
{
    private const ulong Mebibyte = 1024 * 1024;
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(100);
    private readonly CancellationTokenSource _patience = new(ScenarioFleet.Bound);
    private readonly ScenarioFleet _scenario;
    private readonly Load _load;
    private AgentServer _from;
    private AgentServer _to;
    private MovingGuest _moving;

    private ScenarioGuest(ScenarioFleet scenario, string id, Load load, MovingGuest moving)
    {
        _scenario = scenario;
        (_from, _to) = (scenario.HostA, scenario.HostB);
        _load = load;
        _moving = moving;
        Id = id;
    }

    public string Id { get; }

    public CancellationToken Patience => _patience.Token;

    public MovingGuest Moving => _moving;

    private MigrationService.MigrationServiceClient Migrations => _scenario.ControlPlane.Migrations;

    public static MachineSpec Spec(Load load) => new()
    {
        MemoryBytes = 64 * Mebibyte,
        Accelerator = Accelerator.Tcg,
        BootGuest = new V1.BootGuest
        {
            WorkingSetBytes = (ulong)load.WorkingSetMebibytes * Mebibyte,
            DirtyBytesPerSecond = (ulong)load.DirtyMebibytes * Mebibyte,
            CpuBound = load.CpuBound,
        },
    };

    public static Task<ScenarioGuest> StartAsync(ScenarioFleet scenario, Load load) => StartAsync(scenario, load, Spec(load));

    public static async Task<ScenarioGuest> StartAsync(ScenarioFleet scenario, Load load, MachineSpec spec)
    {
        await scenario.ReviveAsync();
        var id = "g-" + Guid.NewGuid().ToString("N")[..8];
        using var patience = new CancellationTokenSource(ScenarioFleet.Bound);
        await scenario.ControlPlane.Guests.DefineGuestAsync(new DefineGuestRequest { GuestId = id, Spec = spec });
        await scenario.ControlPlane.Guests.StartGuestAsync(
            new V1.StartGuestRequest { GuestId = id, HostId = "host-a" }, cancellationToken: patience.Token);
        var moving = await MovingGuest.ListenAsync(id, scenario.HostA, scenario.HostB, TimeProvider.System, patience.Token);
        await moving.Source.WaitForBeatAsync(beat => beat.Round >= 2, patience.Token);
        return new ScenarioGuest(scenario, id, load, moving);
    }

    /// <summary>Before another attempt: the console on the target that the last one left behind is gone.</summary>
    public async Task ListenAnewAsync()
    {
        await _moving.DisposeAsync();
        _moving = await MovingGuest.ListenAsync(Id, _from, _to, TimeProvider.System, Patience);
        await _moving.Source.WaitForBeatAsync(_ => true, Patience);
    }

    /// <summary>After a move: from here on the guest is asked to go back where it came from.</summary>
    public async Task TurnRoundAsync()
    {
        (_from, _to) = (_to, _from);
        await ListenAnewAsync();
    }

    public StartMigrationRequest Request(string policy, int budgetMilliseconds) => new()
    {
        MigrationId = Guid.NewGuid().ToString(),
        GuestId = Id,
        TargetHostId = _to.HostId,
        Policy = policy,
        MaxDowntime = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromMilliseconds(budgetMilliseconds)),
        MaxBytesPerSecond = (ulong)_load.BandwidthMebibytes * Mebibyte,
        RequestedBy = "scenario",
    };

    public async Task<string> MigrateAsync(string policy, int budgetMilliseconds) => await MigrateAsync(Request(policy, budgetMilliseconds));

    public async Task<string> MigrateAsync(StartMigrationRequest request)
    {
        await Migrations.StartMigrationAsync(request, cancellationToken: Patience);
        return request.MigrationId;
    }

    /// <summary>Asks until it is so; the control plane may be away for a while.</summary>
    public async Task<Migration> AwaitAsync(string migrationId, Func<Migration, bool> isSo)
    {
        Migration? last = null;
        try
        {
            while (true)
            {
                try
                {
                    last = (await Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = migrationId }, cancellationToken: Patience)).Migration;
                    if (isSo(last))
                    {
                        return last;
                    }
                }
                catch (RpcException away) when (away.StatusCode == StatusCode.Unavailable)
                {
                    // Being restarted by the scenario.
                }

                await Task.Delay(s_lookAgain, TimeProvider.System, Patience);
            }
        }
        catch (Exception gaveUp) when (Patience.IsCancellationRequested)
        {
            throw new TimeoutException($"It never became so. Last seen: {last}", gaveUp);
        }
    }

    public Task<Migration> AwaitPhaseAsync(string migrationId, MigrationPhase phase) =>
        AwaitAsync(migrationId, migration => IsEnd(migration.Phase) && migration.Phase != phase
            ? throw new InvalidOperationException($"It ended otherwise: {migration}")
            : migration.Phase == phase);

    public Task<Migration> AwaitEndAsync(string migrationId) => AwaitAsync(migrationId, migration => IsEnd(migration.Phase));

    public async Task<IReadOnlyList<Decision>> DecisionsAsync(string migrationId) =>
        [.. (await Migrations.ListDecisionsAsync(new ListDecisionsRequest { MigrationId = migrationId, PageSize = 1000 })).Decisions];

    /// <summary>All that are kept, once the one named is: watchers hear of a reading before it is written.</summary>
    public async Task<IReadOnlyList<Reading>> AwaitReadingsAsync(string migrationId, ulong sequence)
    {
        while (true)
        {
            var kept = (await Migrations.ListReadingsAsync(
                new ListReadingsRequest { MigrationId = migrationId, PageSize = 5000 }, cancellationToken: Patience)).Readings;
            if (kept.Any(reading => reading.Sequence == sequence))
            {
                return kept;
            }

            await Task.Delay(s_lookAgain, TimeProvider.System, Patience);
        }
    }

    /// <summary>The policy that it ran under decides on the readings what was decided.</summary>
    public async Task<ReplayMigrationResponse> AssertReplaysAsync(Migration migration)
    {
        await AwaitReadingsAsync(migration.MigrationId, migration.LatestReading.Sequence);
        var replay = await Migrations.ReplayMigrationAsync(
            new ReplayMigrationRequest { MigrationId = migration.MigrationId }, cancellationToken: Patience);
        Assert.False(replay.HasPartsAtStep, $"{replay}");
        Assert.Equal(
            (await DecisionsAsync(migration.MigrationId)).Select(decision => decision.Sequence),
            replay.Steps.Select(step => step.Recorded.Sequence).Order());
        return replay;
    }

    /// <summary>The engine did all of it; the last one may come too late, when the copy ends by itself while it is on its way.</summary>
    public static void AssertCarriedOut(IReadOnlyList<Decision> decisions)
    {
        Assert.All(decisions.SkipLast(1), decision => Assert.Equal(DecisionOutcome.Applied, decision.Outcome));
        Assert.Contains(decisions[^1].Outcome, new[] { DecisionOutcome.Applied, DecisionOutcome.Overtaken });
    }

    /// <summary>The guest runs on the target and nowhere else, its heartbeat goes on, no page was lost, nothing is left behind.</summary>
    public async Task AssertMovedAsync(Migration migration)
    {
        Assert.True(migration.Phase == MigrationPhase.Completed, migration.ToString());
        var target = await _moving.TargetAsync(Patience);
        var arrived = await target.WaitForBeatAsync(_ => true, Patience);
        await target.WaitForBeatAsync(beat => beat.Round >= arrived.Round + 2, Patience);
        var trace = _moving.Trace();
        Assert.True(trace.Verdict == GuestVerdict.Intact, $"{trace}");
        await AssertWhereaboutsAsync(_to, GuestState.Running);
    }

    /// <summary>The guest runs where it was as if nothing had been, and nothing of the attempt is left on the other host.</summary>
    public async Task AssertStayedAsync(GuestState state = GuestState.Running)
    {
        if (state == GuestState.Running)
        {
            var now = _moving.Trace().LastOnSource!;
            await _moving.Source.WaitForBeatAsync(beat => beat.Counter > now.Counter && beat.Round >= now.Round + 2, Patience);
        }

        var trace = _moving.Trace();
        Assert.True(trace.Verdict is GuestVerdict.NotOnTarget, $"{trace}");
        await AssertWhereaboutsAsync(_from, state);
    }

    public async Task AssertWhereaboutsAsync(AgentServer where, GuestState state)
    {
        var elsewhere = where == _scenario.HostA ? _scenario.HostB : _scenario.HostA;
        var guest = await AwaitGuestAsync(guest => guest.HostId == where.HostId && guest.State == state && guest.ActiveMigrationId == "");
        Assert.Equal(where.HostId, guest.HostId);
        Assert.DoesNotContain((await elsewhere.Agent.ListGuestsAsync(new Agent.V1.ListGuestsRequest())).Guests, other => other.GuestId == Id);
        var here = Assert.Single((await where.Agent.ListGuestsAsync(new Agent.V1.ListGuestsRequest())).Guests, other => other.GuestId == Id);
        Assert.False(here.Incoming);
        Assert.Equal(state == GuestState.Running ? RunState.Running : RunState.Paused, here.RunState);
        var process = Assert.Single(_scenario.Fleet.GuestProcesses(), IsOurs);
        Assert.Equal((int)here.Pid, process);
        Assert.False(Directory.Exists(Path.Combine(elsewhere.RuntimeFolder, "guests", Id)), "its folder is left on the other host");

        // Open sessions are what an agent holds a guest by.
        foreach (var agent in _scenario.Fleet.Agents)
        {
            Assert.DoesNotContain(
                (await agent.Agent.PollAsync(new PollRequest())).Reports,
                report => report.GuestId == Id && report.SessionState != SessionState.Closed);
        }
    }

    public async Task<Guest> AwaitGuestAsync(Func<Guest, bool> isSo)
    {
        Guest? last = null;
        try
        {
            while (true)
            {
                last = (await _scenario.ControlPlane.Guests.GetGuestAsync(new GetGuestRequest { GuestId = Id }, cancellationToken: Patience)).Guest;
                if (isSo(last))
                {
                    return last;
                }

                await Task.Delay(s_lookAgain, TimeProvider.System, Patience);
            }
        }
        catch (Exception gaveUp) when (Patience.IsCancellationRequested)
        {
            throw new TimeoutException($"It never became so. Last seen: {last}", gaveUp);
        }
    }

    /// <summary>Processes of this guest on this machine, host by host.</summary>
    public IReadOnlyList<int> Processes(AgentServer host) =>
        [.. _scenario.Fleet.GuestProcesses().Where(id => IsOurs(id) && CommandLine(id).Contains(host.RuntimeFolder + "/", StringComparison.Ordinal))];

    public async ValueTask DisposeAsync()
    {
        await _moving.DisposeAsync();
        _patience.Dispose();
        await ForgetAsync(_scenario.ControlPlane.Guests, Id);
        foreach (var process in _scenario.Fleet.GuestProcesses().Where(IsOurs))
        {
            try
            {
                System.Diagnostics.Process.GetProcessById(process).Kill();
            }
            catch (Exception gone) when (gone is ArgumentException or InvalidOperationException)
            {
                // Ended by itself meanwhile.
            }
        }
    }

    /// <summary>Gives back what it takes of its host, if there is anybody to tell: a guest whose engine is killed goes on to count.</summary>
    public static async Task ForgetAsync(GuestService.GuestServiceClient guests, string id)
    {
        var within = TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(10);
        try
        {
            await guests.StopGuestAsync(new V1.StopGuestRequest { GuestId = id }, deadline: within);
            await guests.RemoveGuestAsync(new RemoveGuestRequest { GuestId = id }, deadline: within);
        }
        catch (RpcException)
        {
            // The scenario failed half-way; its own words say why.
        }
    }

    private static bool IsEnd(MigrationPhase phase) =>
        phase is MigrationPhase.Completed or MigrationPhase.Cancelled or MigrationPhase.Failed or MigrationPhase.NeedsAttention;

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

    private bool IsOurs(int process) => CommandLine(process).Contains($"/guests/{Id}/", StringComparison.Ordinal);
}
