using Dapper;
using Grpc.Core;
using Npgsql;
using Orchestrator.Agent.V1;
using Orchestrator.V1;
using StartGuestRequest = Orchestrator.V1.StartGuestRequest;
using StopGuestRequest = Orchestrator.V1.StopGuestRequest;

namespace Orchestrator.ControlPlane.Tests.Guests;

/// <summary>Guests on agents that refuse, hang, vanish, or say what nobody expected: at no moment may a second copy be started.</summary>
public sealed class AgentsThatMisbehaveTests : IAsyncLifetime
{
    private readonly ControlPlaneFixture _fleet = new();
    private ScriptedAgent _agent = null!;
    private ScriptedAgent _other = null!;
    private string _guestId = "";

    public async Task InitializeAsync()
    {
        await _fleet.InitializeAsync();
        _agent = await _fleet.AddHostAsync();
        _other = await _fleet.AddHostAsync();
        _guestId = await _fleet.DefineGuestAsync();
    }

    public async Task DisposeAsync()
    {
        await _agent.DisposeAsync();
        await _other.DisposeAsync();
        await _fleet.DisposeAsync();
    }

    [Fact]
    public async Task EngineRefuses_TheGuestIsOffAgainAndFreeToGoElsewhere()
    {
        _agent.OnStart = _ => throw ScriptedAgent.Refuse("ENGINE_REFUSED", "no such machine type");

        var refused = await Refused.WithAsync("START_FAILED", StatusCode.Aborted, () => StartAsync(_agent));
        Assert.Contains("no such machine type", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Equal((GuestState.ShutOff, ""), await StateAsync());

        await StartAsync(_other);
        Assert.Equal((GuestState.Running, _other.HostId), await StateAsync());
    }

    [Fact]
    public async Task AgentRefusesButHasTheGuest_TheGuestStaysThere()
    {
        _agent.OnStart = request =>
        {
            _agent.Set(request.GuestId, RunState.Running);
            throw ScriptedAgent.Refuse("GUEST_PRESENT", "here already");
        };

        await Refused.WithAsync("START_FAILED", StatusCode.Aborted, () => StartAsync(_agent));

        await Eventually.HoldsAsync(async () => await StateAsync() == (GuestState.Running, _agent.HostId));
        await Refused.WithAsync("GUEST_ELSEWHERE", StatusCode.FailedPrecondition, () => StartAsync(_other));
    }

    [Fact]
    public async Task AnswerIsLostOnTheWay_NobodyStartsElsewhere_AndTheListTells()
    {
        _agent.OnStart = _ => throw new RpcException(new Status(StatusCode.Unavailable, "link cut"));

        await Refused.WithAsync("AGENT_UNREACHABLE", StatusCode.Unavailable, () => StartAsync(_agent));
        Assert.Equal((GuestState.Starting, _agent.HostId), await StateAsync());
        await Refused.WithAsync("GUEST_ELSEWHERE", StatusCode.FailedPrecondition, () => StartAsync(_other));
        await Refused.WithAsync("AGENT_UNREACHABLE", StatusCode.Unavailable, StopAsync);

        _agent.Set(_guestId, RunState.Running);
        await Eventually.HoldsAsync(async () => await StateAsync() == (GuestState.Running, _agent.HostId));
        Assert.Empty(_other.Commands);
    }

    [Fact]
    public async Task StartNeverAnswered_IsRepeatedOnTheSameHostUntilItIs()
    {
        var impatient = new GuestService.GuestServiceClient(await _fleet.AddReplicaAsync("--Agents:StartWithin=00:00:01"));
        _agent.OnStart = _ => throw new RpcException(new Status(StatusCode.Unavailable, "link cut"));
        var start = new StartGuestRequest { GuestId = _guestId, HostId = _agent.HostId, Paused = true };
        await Eventually.HoldsAsync(async () =>
            await Assert.ThrowsAsync<RpcException>(async () => await impatient.StartGuestAsync(start)) is { StatusCode: StatusCode.Unavailable }
            && (await StateAsync()).State == GuestState.Starting);
        _agent.OnStart = _ => Task.CompletedTask;

        await Eventually.HoldsAsync(async () => await StateAsync() == (GuestState.Paused, _agent.HostId));

        Assert.True(_agent.Commands.Count > 1);
        Assert.All(_agent.Commands, command => Assert.Equal($"start {_guestId}", command));
        Assert.Empty(_other.Commands);
    }

    [Fact]
    public async Task HostGone_TheGuestIsUnknown_AndNothingIsStartedElsewhere()
    {
        await StartAsync(_agent);
        _agent.Mute = true;

        await Eventually.HoldsAsync(async () => await StateAsync() == (GuestState.Unknown, _agent.HostId));
        await Refused.WithAsync("GUEST_STATE_UNKNOWN", StatusCode.FailedPrecondition, () => StartAsync(_other));
        await Refused.WithAsync("GUEST_STATE_UNKNOWN", StatusCode.FailedPrecondition, () => StartAsync(_agent));
        await Refused.WithAsync("GUEST_STATE_UNKNOWN", StatusCode.FailedPrecondition, StopAsync);
        await Refused.WithAsync("AGENT_UNREACHABLE", StatusCode.Unavailable, async () => await _fleet.Guests.PauseGuestAsync(
            new Orchestrator.V1.PauseGuestRequest { GuestId = _guestId }));
        Assert.Empty(_other.Commands);

        _agent.Mute = false;
        await Eventually.HoldsAsync(async () => await StateAsync() == (GuestState.Running, _agent.HostId));
    }

    [Fact]
    public async Task HostNotConnected_StartIsRefusedBeforeAnythingIsWritten()
    {
        _agent.Mute = true;
        await Eventually.HoldsAsync(async () =>
            (await _fleet.Hosts.GetHostAsync(new GetHostRequest { HostId = _agent.HostId })).Host.State == HostState.Suspect);

        await Refused.WithAsync("AGENT_UNREACHABLE", StatusCode.Unavailable, () => StartAsync(_agent));

        Assert.Equal((GuestState.ShutOff, ""), await StateAsync());
    }

    [Fact]
    public async Task ProcessGoneByItself_HasCrashed_AndIsStartedAgainThereOnly()
    {
        await StartAsync(_agent);
        _agent.Remove(_guestId);

        await Eventually.HoldsAsync(async () => await StateAsync() == (GuestState.Crashed, _agent.HostId));
        await Refused.WithAsync("GUEST_ELSEWHERE", StatusCode.FailedPrecondition, () => StartAsync(_other));

        await StartAsync(_agent);
        Assert.Equal((GuestState.Running, _agent.HostId), await StateAsync());
    }

    [Fact]
    public async Task GuestPowersItselfDown_IsShutOff()
    {
        await StartAsync(_agent);
        _agent.Set(_guestId, RunState.Shutdown);

        await Eventually.HoldsAsync(async () => await StateAsync() == (GuestState.ShutOff, ""));
        Assert.Contains($"stop {_guestId}", _agent.Commands);
    }

    [Fact]
    public async Task GuestFoundRunningThoughShutOff_IsWrittenDown()
    {
        _agent.Set(_guestId, RunState.Paused);

        await Eventually.HoldsAsync(async () => await StateAsync() == (GuestState.Paused, _agent.HostId));
        await Refused.WithAsync("GUEST_ELSEWHERE", StatusCode.FailedPrecondition, () => StartAsync(_other));
    }

    [Fact]
    public async Task StopWhoseAnswerIsLost_IsKnownForAStopLater()
    {
        await StartAsync(_agent);
        _agent.OnStop = request =>
        {
            _agent.Guests.TryRemove(request.GuestId, out var _);
            throw new RpcException(new Status(StatusCode.Unavailable, "link cut"));
        };

        await Refused.WithAsync("AGENT_UNREACHABLE", StatusCode.Unavailable, StopAsync);
        _agent.TellGuests();

        await Eventually.HoldsAsync(async () => await StateAsync() == (GuestState.ShutOff, ""));
    }

    [Fact]
    public async Task AgentRefusesToStop_ItsWordsReachTheCaller()
    {
        await StartAsync(_agent);
        _agent.OnStop = _ => throw ScriptedAgent.Refuse("WRONG_STATE", "a migration holds it");

        var refused = await Refused.WithAsync("AGENT_REFUSED", StatusCode.Aborted, StopAsync);
        Assert.Contains("a migration holds it", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Equal((GuestState.Running, _agent.HostId), await StateAsync());
    }

    [Theory]
    [InlineData(false, "GUEST_MIGRATING")]
    [InlineData(true, "RESUME_REFUSED")]
    public async Task WhileAMigrationIsUnderWay_TheOwnersWishesWait(bool keepsStopped, string resumeReason)
    {
        await StartAsync(_agent);
        await MigrateAsync(keepsStopped);

        await Refused.WithAsync("GUEST_MIGRATING", StatusCode.FailedPrecondition, () => StartAsync(_agent));
        await Refused.WithAsync("GUEST_MIGRATING", StatusCode.FailedPrecondition, StopAsync);
        await Refused.WithAsync("GUEST_MIGRATING", StatusCode.FailedPrecondition, async () => await _fleet.Guests.PauseGuestAsync(
            new Orchestrator.V1.PauseGuestRequest { GuestId = _guestId }));
        await Refused.WithAsync(resumeReason, StatusCode.FailedPrecondition, async () => await _fleet.Guests.ResumeGuestAsync(
            new Orchestrator.V1.ResumeGuestRequest { GuestId = _guestId }));
        Assert.Equal([$"start {_guestId}"], _agent.Commands);

        // What the source says meanwhile is the migration's business.
        _agent.Set(_guestId, RunState.Postmigrate);
        _agent.Remove(_guestId);
        _other.Set(_guestId, RunState.Running, incoming: true);
        Assert.Equal((GuestState.Running, _agent.HostId), await StateAsync());
        Assert.NotEmpty((await _fleet.Guests.GetGuestAsync(new GetGuestRequest { GuestId = _guestId })).Guest.ActiveMigrationId);
    }

    private async Task MigrateAsync(bool keepsStopped)
    {
        await using var connection = new NpgsqlConnection(_fleet.ConnectionString);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            UPDATE guests
               SET active_migration_id = @id, migration_target_host_id = @target, migration_keeps_stopped = @keepsStopped,
                   revision = revision + 1
             WHERE guest_id = @guest
            """,
            new { id = Guid.NewGuid(), target = _other.HostId, keepsStopped, guest = _guestId }));
    }

    private async Task StartAsync(ScriptedAgent agent) =>
        await _fleet.Guests.StartGuestAsync(new StartGuestRequest { GuestId = _guestId, HostId = agent.HostId });

    private async Task StopAsync() => await _fleet.Guests.StopGuestAsync(new StopGuestRequest { GuestId = _guestId });

    private async Task<(GuestState State, string HostId)> StateAsync()
    {
        var guest = (await _fleet.Guests.GetGuestAsync(new GetGuestRequest { GuestId = _guestId })).Guest;
        return (guest.State, guest.HostId);
    }
}
