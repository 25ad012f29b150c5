using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Orchestrator.ControlPlane.Evacuations.Conducting;
using Orchestrator.ControlPlane.Evacuations.Ledger;
using Orchestrator.ControlPlane.Replicas;
using Orchestrator.Policy.Evacuation;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using EvacuationState = Orchestrator.V1.EvacuationState;

namespace Orchestrator.ControlPlane.Tests.Evacuations;

/// <summary>Replicas that come and go in the middle of an evacuation.</summary>
public sealed class EvacuationTakeOverTests(EvacuationFixture fixture) : IClassFixture<EvacuationFixture>, IAsyncLifetime
{
    private static readonly string[] s_quick = ["--Replicas:Lease=00:00:02", "--Replicas:RenewEvery=00:00:00.5", "--Replicas:SweepEvery=00:00:00.2"];

    private readonly Rack _rack = new(fixture.Fleet);
    private readonly List<WebApplication> _more = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _rack.ClearAsync();
        foreach (var app in _more)
        {
            await app.StopAsync();
            await app.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ConductorGoesAway_AnotherGoesOn_AndNothingIsDoneTwice(bool orderly)
    {
        var gone = await AddReplicaAsync();
        await AddReplicaAsync();
        var evacuations = new List<(string Id, List<string> Guests)>();
        for (var target = 0; target < 4; target++)
        {
            await _rack.AddHostAsync();
        }

        var racks = new List<(ScriptedAgent Host, List<string> Guests)>();
        for (var rack = 0; rack < 4; rack++)
        {
            racks.Add((await _rack.AddHostAsync(), []));
            for (var guest = 0; guest < 3; guest++)
            {
                racks[^1].Guests.Add(await _rack.AddGuestAsync(racks[^1].Host));
                _rack.Moves.Held[racks[^1].Guests[^1]] = true;
            }

            // Nobody else's target until its own evacuation has begun.
            await _rack.CordonAsync(racks[^1].Host);
        }

        // Given to the one that will go, in the statements that start them: who takes what nobody has is luck.
        var going = gone.Services.GetRequiredService<ReplicaLease>().ReplicaId;
        await using (var source = Npgsql.NpgsqlDataSource.Create(fixture.Fleet.ConnectionString))
        {
            await ExecuteAsync(source, $"ALTER TABLE evacuations ALTER COLUMN replica_id SET DEFAULT '{going}'");
            foreach (var (host, guests) in racks)
            {
                evacuations.Add(((await _rack.StartAsync(host, spec => spec.MaxAttempts = 1)).EvacuationId, guests));
            }

            await ExecuteAsync(source, "ALTER TABLE evacuations ALTER COLUMN replica_id DROP DEFAULT");
        }

        await Eventually.HoldsAsync(() => evacuations.All(evacuation => Conducts(gone, evacuation.Id)));
        await Eventually.HoldsAsync(() => evacuations.All(evacuation => evacuation.Guests.Any(_rack.Moves.IsCopying)));
        await AssertCountedAsync(gone, evacuations.Count);
        var before = await Store(gone).FindAsync(Guid.Parse(evacuations[0].Id), CancellationToken.None);

        if (orderly)
        {
            _more.Remove(gone);
            await gone.StopAsync();
        }
        else
        {
            // No renewal any more: the others take it for dead, and it takes itself for dead as well.
            await gone.Services.GetRequiredService<ReplicaLease>().EndAsync();
        }

        evacuations.SelectMany(evacuation => evacuation.Guests).ToList().ForEach(_rack.Moves.Release);
        foreach (var (id, guests) in evacuations)
        {
            var ended = await _rack.EndAsync(id, EvacuationState.Completed);
            Assert.All(ended.Guests, guest => Assert.Equal((EvacuationGuestState.Moved, 1U), (guest.State, guest.Attempts)));
            Assert.All(guests, guest => Assert.Single(_rack.Moves.Copies, guest));
            Assert.Equal((ulong)before!.Epoch + 1, ended.Epoch);
        }

        if (!orderly)
        {
            // What it had decided before is not written any more, and a conductor that wakes up under its epoch ends without a word.
            Assert.False(await Store(gone).WriteAsync(before!, before!, CancellationToken.None));
            await new EvacuationSupervisor(before!.EvacuationId, before.Epoch, gone.Services.GetRequiredService<ConductingEdges>())
                .RunAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));
        }
        else
        {
            await gone.DisposeAsync();
        }
    }

    [Fact]
    public async Task CrashBetweenTheWritingAndTheDoing_WhoeverTakesUpDoesIt()
    {
        // Nobody conducts it but the test, as one that dies with its step written and nothing done.
        var replica = await AddReplicaAsync();
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        var guests = new[] { await _rack.AddGuestAsync(host), await _rack.AddGuestAsync(host) };
        _rack.Moves.Held[guests[0]] = _rack.Moves.Held[guests[1]] = true;
        var dead = Guid.NewGuid();
        await using var source = Npgsql.NpgsqlDataSource.Create(fixture.Fleet.ConnectionString);
        await ExecuteAsync(
            source, $"INSERT INTO replicas VALUES ('{dead}', '', '', '2026-01-01Z', '2100-01-01Z', false)");
        var request = Rack.Request(host);
        var spec = request.Spec;
        var charter = await replica.Services.GetRequiredService<CharterReader>().ReadAsync(spec, [host.HostId], CancellationToken.None);
        var id = Guid.Parse(request.EvacuationId);
        var started = new ControlPlane.Evacuations.Evacuation
        {
            EvacuationId = id,
            Request = request,
            State = EvacuationConductor.Start(charter.Terms),
            Plan = new V1.EvacuationPlan(),
            PlannedAt = TimeProvider.System.GetUtcNow(),
            CreatedAt = TimeProvider.System.GetUtcNow(),
        };

        // Given to the dead one in the statement that starts it: nobody else gets hold of it in between.
        await ExecuteAsync(source, "ALTER TABLE evacuations ALTER COLUMN replica_id SET DEFAULT '" + dead + "'");
        await Store(replica).StartAsync(started, CancellationToken.None);
        await ExecuteAsync(source, "ALTER TABLE evacuations ALTER COLUMN replica_id DROP DEFAULT");
        var reader = replica.Services.GetRequiredService<EvacuationReader>();
        var actions = new List<ConductorAction>();
        for (var step = 0; step < 2; step++)
        {
            var view = await reader.ReadAsync(id, new RefusedAttempts(), CancellationToken.None) ?? throw new InvalidOperationException();
            var next = EvacuationConductor.Next(view.Terms, view.Evacuation.State, view.Facts, TimeProvider.System.GetUtcNow());
            actions.AddRange(next.Actions);
            Assert.True(await Store(replica).WriteAsync(view.Evacuation, view.Evacuation with { State = next.State }, CancellationToken.None));
        }

        Assert.Contains(new ConductorAction.Cordon(host.HostId), actions);
        Assert.Contains(actions, action => action is ConductorAction.Begin);
        Assert.False(await _rack.IsCordonedAsync(host));
        Assert.Contains((await _rack.GetAsync(request.EvacuationId)).Guests, guest => guest.State is EvacuationGuestState.Moving);

        await ExecuteAsync(source, $"DELETE FROM replicas WHERE replica_id = '{dead}'");
        await Eventually.HoldsAsync(() => guests.All(_rack.Moves.IsCopying));
        Assert.True(await _rack.IsCordonedAsync(host));
        guests.ToList().ForEach(_rack.Moves.Release);
        var ended = await _rack.EndAsync(request.EvacuationId, EvacuationState.Completed);
        Assert.All(ended.Guests, guest => Assert.Equal(1U, guest.Attempts));
        Assert.Equal(guests.Order(StringComparer.Ordinal), _rack.Moves.Copies.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task ReplicaGoesDown_ItsWatchersAreToldToCallAgain_AndTheEvacuationGoesOn()
    {
        var replica = await AddReplicaAsync();
        using var channel = GrpcChannel.ForAddress(
            replica.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        var guestId = await _rack.AddGuestAsync(host);
        _rack.Moves.Held[guestId] = true;
        var started = await _rack.StartAsync(host);
        using var watch = new EvacuationService.EvacuationServiceClient(channel).WatchEvacuation(
            new WatchEvacuationRequest { EvacuationId = started.EvacuationId });
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));

        _more.Remove(replica);
        var down = replica.StopAsync();
        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await watch.ResponseStream.MoveNext(CancellationToken.None))
            {
                // What happened before it went down.
            }
        });
        Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
        Assert.Equal("SHUTTING_DOWN", Refusal.FindDetail<Google.Rpc.ErrorInfo>(refused)?.Reason);
        Assert.NotNull(Refusal.FindDetail<Google.Rpc.RetryInfo>(refused)?.RetryDelay);
        await down;
        await replica.DisposeAsync();
        await Eventually.HoldsAsync(() => _rack.Moves.IsCopying(guestId));
        _rack.Moves.Release(guestId);
        await _rack.EndAsync(started.EvacuationId, EvacuationState.Completed);
    }

    [Fact]
    public async Task StartsAtOnce_OnTwoReplicas_OneEvacuationOfAHost()
    {
        var other = new EvacuationService.EvacuationServiceClient(fixture.Other);
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        _rack.Moves.Held[await _rack.AddGuestAsync(host)] = true;

        // The same request from two sides is one; others at the same time are refused or come before.
        var (same, different) = (Rack.Request(host), Rack.Request(host));
        var calls = new[]
        {
            TryAsync(_rack.Evacuations, same), TryAsync(other, same), TryAsync(other, different), TryAsync(_rack.Evacuations, different),
        };
        var answers = await Task.WhenAll(calls);
        var won = Assert.Single(answers.Where(answer => answer is not null).Distinct());
        Assert.Equal(2, answers.Count(answer => answer == won));
        await other.CancelEvacuationAsync(new CancelEvacuationRequest { EvacuationId = won });
        await _rack.EndAsync(won!, EvacuationState.Cancelled);
    }

    private static async Task<string?> TryAsync(EvacuationService.EvacuationServiceClient client, StartEvacuationRequest request)
    {
        try
        {
            return (await client.StartEvacuationAsync(request)).Evacuation.EvacuationId;
        }
        catch (RpcException refused)
        {
            Assert.Equal("ALREADY_EVACUATING", Refusal.FindDetail<Google.Rpc.ErrorInfo>(refused)?.Reason);
            return null;
        }
    }

    private async Task AssertCountedAsync(WebApplication replica, int least)
    {
        var id = replica.Services.GetRequiredService<ReplicaIdentity>().ReplicaId.ToString();
        var listed = (await new ReplicaService.ReplicaServiceClient(fixture.Fleet.Channel).ListReplicasAsync(new ListReplicasRequest())).Replicas;
        Assert.True(listed.Single(known => known.ReplicaId == id).Evacuations >= least);
    }

    private static bool Conducts(WebApplication replica, string evacuationId) =>
        replica.Services.GetRequiredService<EvacuationTakeOver>().Conducts(Guid.Parse(evacuationId));

    private static EvacuationStore Store(WebApplication replica) => replica.Services.GetRequiredService<EvacuationStore>();

    private async Task<WebApplication> AddReplicaAsync()
    {
        var app = await fixture.Fleet.StartReplicaAsync(s_quick);
        _more.Add(app);
        return app;
    }

    private static async Task ExecuteAsync(Npgsql.NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
