using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Replicas;
using Orchestrator.ControlPlane.Tests.Migrations;
using Orchestrator.TestPostgres;

namespace Orchestrator.ControlPlane.Tests.Replicas;

/// <summary>Leases on a real database; the replica's own clock is the test's to move.</summary>
public sealed class LeaseTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    private static readonly TimeSpan s_term = TimeSpan.FromSeconds(3);

    private readonly MovedClock _clock = new();

    [Fact]
    public async Task Lease_NotRenewed_IsOverByTheReplicasOwnClock()
    {
        await using var lease = Lease();
        await lease.RenewAsync(CancellationToken.None);
        var tenure = await lease.HeldAsync(CancellationToken.None);
        Assert.True(lease.IsHeld);

        _clock.Advance(TimeSpan.FromSeconds(2.9));
        Assert.True(lease.IsHeld);
        Assert.False(tenure.Over.IsCancellationRequested);

        // As a process that was frozen finds it.
        _clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.False(lease.IsHeld);
        Assert.True(tenure.Over.IsCancellationRequested);
        Assert.False(lease.HeldAsync(CancellationToken.None).IsCompleted);
    }

    [Fact]
    public async Task Lease_Renewed_GoesOn_AndAfterALossItIsAnother()
    {
        await using var lease = Lease();
        await lease.RenewAsync(CancellationToken.None);
        var first = await lease.HeldAsync(CancellationToken.None);
        for (var beat = 0; beat < 5; beat++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await lease.RenewAsync(CancellationToken.None);
        }

        Assert.Same(first, await lease.HeldAsync(CancellationToken.None));
        _clock.Advance(TimeSpan.FromSeconds(4));
        await lease.RenewAsync(CancellationToken.None);

        var second = await lease.HeldAsync(CancellationToken.None);
        Assert.NotSame(first, second);
        Assert.True(first.Over.IsCancellationRequested);
        Assert.True(second.IsHeld);
    }

    [Fact]
    public async Task MayTakeOver_OnlyAfterALeasesTimeOfOnesOwn()
    {
        await using var lease = Lease();
        await lease.RenewAsync(CancellationToken.None);
        Assert.False(lease.MayTakeOver);
        for (var beat = 0; beat < 3; beat++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await lease.RenewAsync(CancellationToken.None);
        }

        Assert.True(lease.MayTakeOver);

        // The database was away, from everybody: the others are about to renew.
        _clock.Advance(TimeSpan.FromSeconds(20));
        await lease.RenewAsync(CancellationToken.None);
        Assert.True(lease.IsHeld);
        Assert.False(lease.MayTakeOver);
    }

    [Fact]
    public async Task List_ShowsTheLivingAndTheLeaving()
    {
        var store = new ReplicaStore(Gate.To(postgres));
        await using var lease = Lease();
        await lease.RenewAsync(CancellationToken.None);
        var listed = Assert.Single(await store.ListAsync(CancellationToken.None), replica => replica.ReplicaId == lease.ReplicaId);
        Assert.Equal(("http://127.0.0.1:1", "1.2.3", false, 0), (listed.Endpoint, listed.Version, listed.Leaving, listed.Migrations));

        await lease.LeaveAsync(CancellationToken.None);
        Assert.True(Assert.Single(
            await store.ListAsync(CancellationToken.None), replica => replica.ReplicaId == lease.ReplicaId).Leaving);

        await store.EndAsync(lease.ReplicaId, CancellationToken.None);
        var ended = Assert.Single(await store.ListAsync(CancellationToken.None), replica => replica.ReplicaId == lease.ReplicaId);
        Assert.True(ended.LeaseUntil < listed.LeaseUntil);
    }

    [Fact]
    public async Task NamedLease_ManyWantIt_OneHasItAtATime_EachUnderAHigherEpoch()
    {
        var store = new LeaseStore(Gate.To(postgres));
        var name = $"duty-{Guid.NewGuid():N}";
        var wanting = Enumerable.Range(0, 8).Select(_ => Guid.NewGuid()).ToArray();
        for (var round = 1L; round <= 10; round++)
        {
            var epochs = await Task.WhenAll(wanting.Select(async replica => (
                Replica: replica, Epoch: await store.AcquireAsync(name, replica, TimeSpan.FromMinutes(1), true, CancellationToken.None))));

            var (holder, epoch) = Assert.Single(epochs, won => won.Epoch is not null);
            Assert.Equal(round, epoch);
            Assert.True(await store.RenewAsync(name, holder, round, TimeSpan.FromMinutes(1), CancellationToken.None));
            Assert.False(await store.RenewAsync(name, wanting.First(other => other != holder), round, s_term, CancellationToken.None));
            await store.ReleaseAsync(name, holder, round, CancellationToken.None);
            Assert.False(await store.RenewAsync(name, holder, round, s_term, CancellationToken.None));
        }
    }

    [Fact]
    public async Task NamedLease_RunOut_IsTakenOnlyByWhoMay()
    {
        var store = new LeaseStore(Gate.To(postgres));
        var (name, one, other) = ($"duty-{Guid.NewGuid():N}", Guid.NewGuid(), Guid.NewGuid());
        Assert.Equal(1, await store.AcquireAsync(name, one, TimeSpan.Zero, true, CancellationToken.None));

        Assert.Null(await store.AcquireAsync(name, other, s_term, false, CancellationToken.None));
        Assert.Equal(2, await store.AcquireAsync(name, other, s_term, true, CancellationToken.None));
        Assert.False(await store.RenewAsync(name, one, 1, s_term, CancellationToken.None));
    }

    [Fact]
    public async Task NamedLeases_TwoReplicas_TheSecondHasItWhenTheFirstGivesItBack()
    {
        var name = $"duty-{Guid.NewGuid():N}";
        await using var firstLease = await HeldAsync();
        await using var secondLease = await HeldAsync();
        var (first, second) = (Leases(firstLease), Leases(secondLease));
        var duty = first.Seek(name);
        Assert.Same(duty, first.Seek(name));
        await first.StartAsync(CancellationToken.None);
        var held = await duty.HeldAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System);
        Assert.Equal(1, held.Epoch);

        var worked = new TaskCompletionSource<long>();
        using var stopping = new CancellationTokenSource();
        var waiting = second.Seek(name);
        var work = waiting.RunAsync(
            async (tenure, token) =>
            {
                worked.TrySetResult(tenure.Epoch);
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
            },
            stopping.Token);
        await second.StartAsync(CancellationToken.None);
        Assert.Null(waiting.Held);

        await first.StopAsync(CancellationToken.None);
        Assert.True(held.Over.IsCancellationRequested);
        Assert.Equal(2, await worked.Task.WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System));
        Assert.Equal(2, waiting.Held?.Epoch);
        await stopping.CancelAsync();
        await work;
        await second.StopAsync(CancellationToken.None);
    }

    private ReplicaLease Lease() => new(
        new ReplicaIdentity(Guid.NewGuid(), "1.2.3", () => "http://127.0.0.1:1"),
        postgres.DataSource,
        Options.Create(new ReplicaOptions { Lease = s_term }),
        _clock,
        NullLogger<ReplicaLease>.Instance);

    private async Task<ReplicaLease> HeldAsync()
    {
        var lease = new ReplicaLease(
            new ReplicaIdentity(Guid.NewGuid(), "1.2.3", () => "http://127.0.0.1:1"),
            postgres.DataSource,
            Options.Create(new ReplicaOptions { Lease = TimeSpan.FromSeconds(60), SweepEvery = TimeSpan.FromMilliseconds(50) }),
            TimeProvider.System,
            NullLogger<ReplicaLease>.Instance);
        await lease.BeginAsync(CancellationToken.None);
        return lease;
    }

    private NamedLeases Leases(ReplicaLease lease) =>
        new(new LeaseStore(Gate.To(postgres)), lease, TimeProvider.System, NullLogger<NamedLeases>.Instance);
}
