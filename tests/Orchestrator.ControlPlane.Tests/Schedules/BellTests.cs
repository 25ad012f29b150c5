using Microsoft.Extensions.DependencyInjection;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Schedules.Bells;
using Quartz;

namespace Orchestrator.ControlPlane.Tests.Schedules;

/// <summary>Real Quartz, clustered on a real database.</summary>
public sealed class BellTests(ControlPlaneFixture fleet) : IClassFixture<ControlPlaneFixture>
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Bells_OfTwoReplicas_AllRingAtTheNewPeriodAndEachRingOnOneReplica()
    {
        // The bells hang there already, at the usual periods: the settings of who starts later reach them.
        string[] often = [.. Enum.GetNames<Bell>().Select(bell => $"--Bells:{bell}Every=00:00:01")];
        await using var first = await fleet.StartReplicaAsync(often);
        await using var second = await fleet.StartReplicaAsync(often);
        using var atFirst = new Ringers(first.Services.GetRequiredService<Bells>());
        using var atSecond = new Ringers(second.Services.GetRequiredService<Bells>());

        foreach (var bell in Enum.GetValues<Bell>())
        {
            // It goes on ringing, wherever.
            for (var times = 0; times < 3; times++)
            {
                await Task.WhenAny(atFirst.NextAsync(bell), atSecond.NextAsync(bell)).Unwrap().WaitAsync(s_bound);
            }
        }

        await first.StopAsync();
        await second.StopAsync();
    }

    [Fact]
    public async Task Bells_HangOnceForAllReplicas()
    {
        await using var other = await fleet.StartReplicaAsync();
        var scheduler = await other.Services.GetRequiredService<ISchedulerFactory>().GetScheduler();

        var hanging = await scheduler.QueryTriggers(new TriggerQuery { Group = GroupMatcher<TriggerKey>.GroupEquals(BellJob.Group) });

        Assert.Equal(Enum.GetNames<Bell>().Order(StringComparer.Ordinal), hanging.Items.Select(trigger => trigger.Key.Name));
        await other.StopAsync();
    }

    [Theory]
    [InlineData(nameof(Bell.LeaseSweep), NotificationChannel.Replica)]
    [InlineData(nameof(Bell.HostProbe), NotificationChannel.Host)]
    [InlineData(nameof(Bell.Queue), NotificationChannel.Queue)]
    public async Task Bell_ThatRingsOnOneReplica_IsHeardOnTheOthers(string bell, string channel)
    {
        string[] seldom = [$"--Bells:{bell}Every=01:00:00"];
        await using var first = await fleet.StartReplicaAsync(seldom);
        await using var second = await fleet.StartReplicaAsync(seldom);
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var subscription = second.Services.GetRequiredService<NotificationListener>()
            .Subscribe(channel, payload => { if (payload.Length == 0) { heard.TrySetResult(); } }, () => { });

        // Whoever is to pass it on may not listen yet.
        await Eventually.HoldsAsync(() =>
        {
            first.Services.GetRequiredService<Bells>().Ring(Enum.Parse<Bell>(bell));
            return heard.Task.IsCompleted;
        });

        await first.StopAsync();
        await second.StopAsync();
    }

    [Fact]
    public async Task Listener_RemembersOneRingAndHearsNoneFromBefore()
    {
        var bells = new Bells();
        bells.Ring(Bell.Queue);
        using var listener = bells.Listen(Bell.Queue);
        var waiting = listener.WaitAsync(CancellationToken.None);
        Assert.False(waiting.IsCompleted);

        bells.Ring(Bell.Queue);
        await waiting.WaitAsync(s_bound);
        bells.Ring(Bell.Queue);
        bells.Ring(Bell.Queue);
        bells.Ring(Bell.HostProbe);
        await listener.WaitAsync(CancellationToken.None).WaitAsync(s_bound);

        Assert.False(listener.WaitAsync(CancellationToken.None).IsCompleted);
    }

    private sealed class Ringers(Bells bells) : IDisposable
    {
        private readonly Dictionary<Bell, BellListener> _listeners = Enum.GetValues<Bell>().ToDictionary(bell => bell, bells.Listen);
        private readonly Dictionary<Bell, Task> _waiting = [];

        public Task NextAsync(Bell bell)
        {
            if (!_waiting.TryGetValue(bell, out var waiting) || waiting.IsCompleted)
            {
                _waiting[bell] = waiting = _listeners[bell].WaitAsync(CancellationToken.None);
            }

            return waiting;
        }

        public void Dispose()
        {
            foreach (var listener in _listeners.Values)
            {
                listener.Dispose();
            }
        }
    }
}
