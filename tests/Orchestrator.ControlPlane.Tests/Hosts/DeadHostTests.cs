using Google.Rpc;
using Grpc.Core;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Hosts;

/// <summary>A machine falls silent, somebody vouches that it is off or has it switched off, and it comes back.</summary>
public sealed class DeadHostTests : IAsyncLifetime
{
    private readonly ControlPlaneFixture _fleet = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("orchestrator-fence-").FullName;

    public Task InitializeAsync() => _fleet.InitializeAsync();

    public async Task DisposeAsync()
    {
        await _fleet.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task HostThatAnswers_IsNeitherDeclaredDeadNorReadmitted()
    {
        await using var agent = await _fleet.AddHostAsync();

        await Refused.WithAsync("HOST_ALIVE", StatusCode.FailedPrecondition, () => DeclareAsync(agent.HostId));
        await Refused.WithAsync("HOST_NOT_DEAD", StatusCode.FailedPrecondition, () => ReadmitAsync(agent.HostId));
        await Refused.WithAsync("FENCING_NOT_CONFIGURED", StatusCode.FailedPrecondition, () => FenceAsync(_fleet.Hosts, agent.HostId));
        await Refused.WithAsync("HOST_UNKNOWN", StatusCode.NotFound, () => DeclareAsync("nobody"));
        await Refused.WithAsync("HOST_UNKNOWN", StatusCode.NotFound, () => FenceAsync(_fleet.Hosts, "nobody"));
        await Refused.WithAsync("HOST_UNKNOWN", StatusCode.NotFound, () => ReadmitAsync("nobody"));
        Assert.Equal(["host_id", "reason"], await Refused.FieldsAsync(async () => await _fleet.Hosts.DeclareHostDeadAsync(new DeclareHostDeadRequest())));
        Assert.Equal(
            ["host_id", "reason"],
            await Refused.FieldsAsync(async () => await _fleet.Hosts.FenceHostAsync(new FenceHostRequest { Reason = new string('x', 501) })));
        Assert.Equal(["host_id"], await Refused.FieldsAsync(async () => await _fleet.Hosts.ReadmitHostAsync(new ReadmitHostRequest())));
    }

    [Fact]
    public async Task SilentHost_IsSuspectThenLost_AndItsGuestsAreStartedElsewhereOnlyWhenItIsDead()
    {
        var agent = await _fleet.AddHostAsync();
        await using var other = await _fleet.AddHostAsync();
        var replica = new HostService.HostServiceClient(await _fleet.AddReplicaAsync());
        var (running, stopped) = (await StartedAsync(agent.HostId), await StartedAsync(agent.HostId));
        await agent.DisposeAsync();

        await Eventually.HoldsAsync(async () => (await HostAsync(agent.HostId)).State == HostState.Suspect);
        await Eventually.HoldsAsync(async () => (await GuestAsync(running)).State == GuestState.Unknown);
        await Refused.WithAsync("GUEST_STATE_UNKNOWN", StatusCode.FailedPrecondition, () => StartAsync(running, other.HostId));
        await Eventually.HoldsAsync(async () => (await HostAsync(agent.HostId)).State == HostState.Lost);
        Assert.Equal(HostState.Lost, (await replica.GetHostAsync(new GetHostRequest { HostId = agent.HostId })).Host.State);
        await Refused.WithAsync("GUEST_STATE_UNKNOWN", StatusCode.FailedPrecondition, () => StartAsync(running, other.HostId));

        var dead = await Task.WhenAll(DeclareAsync(agent.HostId), DeclareAsync(agent.HostId, replica));

        Assert.All(dead, host => Assert.Equal((HostState.Dead, dead[0].DeadReason), (host.State, host.DeadReason)));
        Assert.Contains("seen to burn (declared by ", dead[0].DeadReason, StringComparison.Ordinal);
        Assert.Equal(2u, dead[0].Use.Guests);
        Assert.Equal(GuestState.Crashed, (await GuestAsync(running)).State);
        await Refused.WithAsync("HOST_DEAD", StatusCode.FailedPrecondition, () => StartAsync(running, agent.HostId));
        Assert.Equal((GuestState.Running, other.HostId), await WhereAsync(StartAsync(running, other.HostId)));
        Assert.Equal((GuestState.Running, other.HostId), await WhereAsync(StartAsync(running, other.HostId)));
        Assert.Equal((GuestState.ShutOff, ""), await WhereAsync(StopAsync(stopped)));
    }

    [Fact]
    public async Task DeadHostThatComesBack_IsNotUsed_AndIsReadmittedWhenNothingStaleRunsThere()
    {
        var agent = await _fleet.AddHostAsync();
        await using var other = await _fleet.AddHostAsync();
        var (moved, kept) = (await StartedAsync(agent.HostId), await StartedAsync(agent.HostId));
        await agent.DisposeAsync();
        await Eventually.HoldsAsync(async () => (await HostAsync(agent.HostId)).State == HostState.Suspect);
        await DeclareAsync(agent.HostId);
        await StartAsync(moved, other.HostId);
        await Refused.WithAsync("AGENT_UNREACHABLE", StatusCode.Unavailable, () => ReadmitAsync(agent.HostId));

        await using var back = await ScriptedAgent.StartAsync(agent.HostId, agent.Endpoint);
        foreach (var (guestId, guest) in agent.Guests)
        {
            back.Guests[guestId] = guest;
        }

        var refused = await Refused.WithAsync("HOST_HAS_STALE_GUESTS", StatusCode.FailedPrecondition, () => ReadmitAsync(agent.HostId));
        Assert.Equal(moved, Refusal.FindDetail<ErrorInfo>(refused)?.Metadata["guest_ids"]);
        Assert.Equal(0, back.Streams);
        Assert.Equal(HostState.Dead, (await HostAsync(agent.HostId)).State);

        back.Guests.TryRemove(moved, out _);
        Assert.Equal((HostState.Connected, ""), await ReadmitAsync(agent.HostId));
        await _fleet.ConnectedAsync(agent.HostId);
        Assert.Equal((GuestState.Running, agent.HostId), await WhereAsync(GuestAsync(kept)));
        Assert.Equal((GuestState.Running, other.HostId), await WhereAsync(GuestAsync(moved)));
        Assert.Empty(back.Commands);
        await Refused.WithAsync("GUEST_ELSEWHERE", StatusCode.FailedPrecondition, () => StartAsync(kept, other.HostId));
    }

    [Fact]
    public async Task Fence_WhatTheCommandSaysDecides()
    {
        var agent = await _fleet.AddHostAsync();
        var (works, fails, hangs) = (await FencedByAsync("echo off $1 $2; test ! -e no"), await FencedByAsync("echo no power >&2; exit 3"),
            await FencedByAsync("sleep 600 & echo waiting; wait"));
        await Refused.WithAsync("HOST_ALIVE", StatusCode.FailedPrecondition, () => FenceAsync(works, agent.HostId));
        await agent.DisposeAsync();
        await Eventually.HoldsAsync(async () => (await HostAsync(agent.HostId)).State == HostState.Suspect);

        var failed = await Refused.WithAsync("FENCING_FAILED", StatusCode.Aborted, () => FenceAsync(fails, agent.HostId));
        Assert.Contains("ended with 3; it said: no power", failed.Status.Detail, StringComparison.Ordinal);
        var late = await Refused.WithAsync("FENCING_FAILED", StatusCode.Aborted, () => FenceAsync(hangs, agent.HostId));
        Assert.Contains("did not end within 00:00:02; it said: waiting", late.Status.Detail, StringComparison.Ordinal);
        Assert.NotEqual(HostState.Dead, (await HostAsync(agent.HostId)).State);

        var fenced = await FenceAsync(works, agent.HostId);
        Assert.Equal((HostState.Dead, $"off {agent.HostId} {agent.Endpoint}"), (fenced.Host.State, fenced.Output));
        Assert.Contains("no answer (fenced by ", fenced.Host.DeadReason, StringComparison.Ordinal);
        Assert.Equal((HostState.Dead, ""), ((await FenceAsync(works, agent.HostId)).Host.State, (await FenceAsync(works, agent.HostId)).Output));
    }

    private async Task<HostService.HostServiceClient> FencedByAsync(string script)
    {
        var path = Path.Combine(_folder, $"{Guid.NewGuid():N}.sh");
        await File.WriteAllTextAsync(path, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new HostService.HostServiceClient(
            await _fleet.AddReplicaAsync($"--Fencing:Command={path} {{host}} {{endpoint}}", "--Fencing:Timeout=00:00:02"));
    }

    private static async Task<FenceHostResponse> FenceAsync(HostService.HostServiceClient hosts, string hostId) =>
        await hosts.FenceHostAsync(new FenceHostRequest { HostId = hostId, Reason = "no answer" });

    private static async Task<(GuestState State, string HostId)> WhereAsync(Task<Guest> guest) => ((await guest).State, (await guest).HostId);

    private async Task<Host> DeclareAsync(string hostId, HostService.HostServiceClient? hosts = null) =>
        (await (hosts ?? _fleet.Hosts).DeclareHostDeadAsync(new DeclareHostDeadRequest { HostId = hostId, Reason = "seen to burn" })).Host;

    private async Task<(HostState State, string DeadReason)> ReadmitAsync(string hostId)
    {
        var host = (await _fleet.Hosts.ReadmitHostAsync(new ReadmitHostRequest { HostId = hostId })).Host;
        return (host.State, host.DeadReason);
    }

    private async Task<Host> HostAsync(string hostId) => (await _fleet.Hosts.GetHostAsync(new GetHostRequest { HostId = hostId })).Host;

    private async Task<Guest> GuestAsync(string guestId) => (await _fleet.Guests.GetGuestAsync(new GetGuestRequest { GuestId = guestId })).Guest;

    private async Task<Guest> StopAsync(string guestId) => (await _fleet.Guests.StopGuestAsync(new StopGuestRequest { GuestId = guestId })).Guest;

    private async Task<Guest> StartAsync(string guestId, string hostId) =>
        (await _fleet.Guests.StartGuestAsync(new StartGuestRequest { GuestId = guestId, HostId = hostId })).Guest;

    private async Task<string> StartedAsync(string hostId)
    {
        var guestId = await _fleet.DefineGuestAsync();
        await StartAsync(guestId, hostId);
        return guestId;
    }
}
