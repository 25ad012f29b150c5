using Grpc.Core;
using Orchestrator.LocalFleet.Processes;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.Scenarios.Wide;

/// <summary>A host falls silent. Nothing of it runs anywhere else before somebody proves that it is off.</summary>
[Collection(WideFleetScenarios.Name)]
public class LostHostScenarios(WideFleet fleet) : IAsyncLifetime
{
    private readonly List<Resident> _guests = [];

    private AgentServer Silent => fleet.Fleet.Agent("host-c");

    public Task InitializeAsync() => fleet.SettleAsync();

    public async Task DisposeAsync()
    {
        if (!Silent.IsRunning)
        {
            using var patience = new CancellationTokenSource(ScenarioFleet.Bound);
            await Silent.StartAsync(patience.Token);
        }

        if ((await fleet.AwaitHostAsync("host-c", _ => true)).State == HostState.Dead)
        {
            // A scenario that failed half-way must not leave the host dead for the others.
            _guests.ForEach(guest => guest.Kill(Silent));
            await ReadmitInTimeAsync();
        }

        foreach (var guest in _guests)
        {
            await guest.DisposeAsync();
        }
    }

    [Fact]
    public async Task FencedAfterItFellSilent_ItsGuestsAreStartedElsewhere_AndItIsReadmitted()
    {
        var (lost, neighbour) = (await GuestAsync("host-c"), await GuestAsync("host-a"));
        await AssertRefusedAsync("HOST_ALIVE", Declare());
        await Silent.Process.KillAsync();

        // The silence is told with its times, and is all that is done about it.
        var suspect = await fleet.AwaitHostAsync("host-c", host => host.State == HostState.Suspect);
        var known = await fleet.AwaitGuestAsync(lost.Id, guest => guest.State == GuestState.Unknown);
        Assert.Equal("host-c", known.HostId);
        var gone = await fleet.AwaitHostAsync("host-c", host => host.State == HostState.Lost);
        Assert.True(gone.StateSince > suspect.StateSince && suspect.StateSince > suspect.LastSeenAt, $"{suspect} {gone}");
        Assert.Equal(suspect.LastSeenAt, gone.LastSeenAt);
        await AssertRefusedAsync("GUEST_STATE_UNKNOWN", fleet.AskAsync((replica, options) => replica.Guests.StartGuestAsync(
            new StartGuestRequest { GuestId = lost.Id, HostId = "host-b" }, options)));
        Assert.Single(lost.Processes());

        // What is to leave it, or to go there, waits and says for what.
        var leaving = await lost.MigrateAsync("host-b", "suspend-if-needed", 5000);
        var coming = await neighbour.MigrateAsync("host-c", "suspend-if-needed", 5000);
        await AwaitReasonAsync(leaving, WaitCause.SourceNotConnected);
        await AwaitReasonAsync(coming, WaitCause.TargetUnfit);

        // A program that does not know proves nothing.
        await File.WriteAllTextAsync(fleet.FencingProgram, "echo the power switch of $1 does not answer; exit 1\n");
        var failed = await AssertRefusedAsync("FENCING_FAILED", Fence());
        Assert.Contains("the power switch of host-c does not answer", failed, StringComparison.Ordinal);
        Assert.Equal(HostState.Lost, (await fleet.AwaitHostAsync("host-c", _ => true)).State);

        await File.WriteAllTextAsync(fleet.FencingProgram, $"kill -9 {string.Join(' ', lost.Processes())}; echo $1 is off\n");
        var fenced = await Fence();
        Assert.Equal((HostState.Dead, "host-c is off"), (fenced.Host.State, fenced.Output));
        await fleet.AwaitGuestAsync(lost.Id, guest => guest.State == GuestState.Crashed);
        Assert.Empty(lost.Processes());
        Assert.Equal(MigrationPhase.Failed, (await fleet.AwaitEndAsync(leaving)).Phase);
        await lost.RestartAsync("host-b");

        // It is left alone until it is readmitted, though its agent is back.
        using var patience = new CancellationTokenSource(ScenarioFleet.Bound);
        await Silent.StartAsync(patience.Token);
        var newcomer = new DefineGuestRequest { GuestId = lost.Id + "-2", Spec = ScenarioGuest.Spec(Slow.Brief) };
        await fleet.AskAsync((replica, options) => replica.Guests.DefineGuestAsync(newcomer, options));
        await AssertRefusedAsync("HOST_DEAD", fleet.AskAsync((replica, options) => replica.Guests.StartGuestAsync(
            new StartGuestRequest { GuestId = newcomer.GuestId, HostId = "host-c" }, options)));
        Assert.Equal(MigrationPhase.Queued, (await fleet.AwaitMigrationAsync(coming, _ => true)).Phase);
        Assert.Equal(HostState.Dead, (await fleet.AwaitHostAsync("host-c", _ => true)).State);

        await Readmit();
        await fleet.AwaitHostAsync("host-c", host => host.State == HostState.Connected);
        var came = await fleet.AwaitEndAsync(coming);
        Assert.True(came.Phase == MigrationPhase.Completed, $"{came}");

        // What is left there of its engine is no obstacle to its coming back.
        await lost.ListenAnewAsync();
        var back = await lost.MigrateAsync("host-c", "suspend-if-needed", 5000);
        Assert.Equal(MigrationPhase.Completed, (await fleet.AwaitEndAsync(back)).Phase);
        await Aftermath.AssertAsync(fleet, [.. _guests]);
    }

    [Fact]
    public async Task DeclaredDeadInError_ItIsNotReadmittedWhileItRunsWhatWasStartedElsewhere()
    {
        var guest = await GuestAsync("host-c");
        await Silent.Process.KillAsync();
        await fleet.AwaitHostAsync("host-c", host => host.State == HostState.Lost);
        var dead = await Declare();
        Assert.Equal((HostState.Dead, true), (dead.Host.State, dead.Host.DeadReason.Contains("saw it burn", StringComparison.Ordinal)));
        var stale = Assert.Single(guest.Processes(Silent));
        await guest.RestartAsync("host-b");

        using var patience = new CancellationTokenSource(ScenarioFleet.Bound);
        await Silent.StartAsync(patience.Token);
        var refused = await AssertRefusedAsync("HOST_HAS_STALE_GUESTS", Readmit());
        Assert.Contains(guest.Id, refused, StringComparison.Ordinal);
        Assert.Equal(stale, Assert.Single(guest.Processes(Silent)));
        var moved = await guest.GetAsync();
        Assert.Equal(("host-b", GuestState.Running), (moved.HostId, moved.State));

        guest.Kill(Silent);
        await ReadmitInTimeAsync();
        await fleet.AwaitHostAsync("host-c", host => host.State == HostState.Connected);
        Assert.Equal("host-b", (await guest.GetAsync()).HostId);
        Assert.Single(guest.Processes());
    }

    [Fact]
    public async Task TargetLostInTheCopy_TheGuestRunsOn_AndItIsSettledWhenTheHostIsBack()
    {
        var guest = await GuestAsync("host-a", Slow.Endless);
        var id = await guest.MigrateAsync("host-c", await fleet.PolicyAsync(Slow.Unending()), 1);
        await fleet.AwaitMigrationAsync(id, migration => migration.LatestReading is not null);

        await Silent.Process.KillAsync();
        guest.Kill(Silent);

        // Nobody knows what is on the target: the room there is held until its agent says.
        var undone = await fleet.AwaitMigrationAsync(id, migration => migration.Phase != MigrationPhase.Copying);
        Assert.Null(undone.EndedAt);
        await guest.BeatsOnAsync("host-a");
        using var patience = new CancellationTokenSource(ScenarioFleet.Bound);
        await Silent.StartAsync(patience.Token);

        var migration = await fleet.AwaitMigrationAsync(id, migration => migration.EndedAt is not null);
        Assert.Equal((MigrationPhase.Failed, FailureReason.EngineFailed), (migration.Phase, migration.FailureReason));
        await fleet.AwaitHostAsync("host-c", host => host.State == HostState.Connected);
        await Aftermath.AssertAsync(fleet, [.. _guests]);
    }

    private static async Task<string> AssertRefusedAsync(string reason, Task asked)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(() => asked);
        Assert.Equal(reason, Refusal.FindDetail<Google.Rpc.ErrorInfo>(refused)?.Reason);
        return refused.Status.Detail;
    }

    private async Task<Resident> GuestAsync(string hostId, Load? load = null)
    {
        var guest = await Resident.StartAsync(fleet, hostId, load ?? Slow.Brief);
        _guests.Add(guest);
        return guest;
    }

    private Task<DeclareHostDeadResponse> Declare() => fleet.AskAsync((replica, options) => replica.Hosts.DeclareHostDeadAsync(
        new DeclareHostDeadRequest { HostId = "host-c", Reason = "I saw it burn" }, options));

    private Task<FenceHostResponse> Fence() => fleet.AskAsync((replica, options) => replica.Hosts.FenceHostAsync(
        new FenceHostRequest { HostId = "host-c", Reason = "silent" }, options));

    private Task<ReadmitHostResponse> Readmit() => fleet.AskAsync((replica, options) => replica.Hosts.ReadmitHostAsync(
        new ReadmitHostRequest { HostId = "host-c" }, options));

    /// <summary>Once its agent has noticed by itself that the guest is gone.</summary>
    private async Task ReadmitInTimeAsync()
    {
        using var patience = new CancellationTokenSource(ScenarioFleet.Bound);
        while (true)
        {
            try
            {
                await Readmit();
                return;
            }
            catch (RpcException refused) when (refused.StatusCode == StatusCode.FailedPrecondition)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, patience.Token);
            }
        }
    }

    private async Task AwaitReasonAsync(string migrationId, WaitCause cause)
    {
        var waiting = await fleet.AwaitMigrationAsync(migrationId, migration => migration.Standing?.Reasons.Any(reason => reason.Cause == cause) == true);
        Assert.Equal(MigrationPhase.Queued, waiting.Phase);
        Assert.All(waiting.Standing.Reasons, reason => Assert.NotEmpty(reason.Message));
    }
}
