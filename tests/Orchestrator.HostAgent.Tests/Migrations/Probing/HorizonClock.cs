using Orchestrator.HostAgent.Tests.Fleet;

namespace Orchestrator.HostAgent.Tests.Migrations.Probing;

/// <summary>
/// A clock for one that waits: leaps to whatever it waits for, as far as a horizon that the test moves. Who waits for something beyond
/// that has done all there is to do until then.
/// </summary>
internal sealed class HorizonClock : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly DateTimeOffset _start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private TimeSpan _now;
    private TimeSpan _horizon;
    private Timer? _waiting;
    private TaskCompletionSource _beyond = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public DateTimeOffset Start => _start;

    public TimeSpan Now
    {
        get
        {
            lock (_lock)
            {
                return _now;
            }
        }
    }

    public override DateTimeOffset GetUtcNow() => _start + Now;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Lets the one that waits go on until it waits for something after this.</summary>
    public async Task RunToAsync(double seconds)
    {
        Task beyond;
        lock (_lock)
        {
            _horizon = TimeSpan.FromSeconds(seconds);
            _beyond = new(TaskCreationOptions.RunContinuationsAsynchronously);
            beyond = _beyond.Task;
            Look();
        }

        await beyond.WaitAsync(TestAgent.Bound);
    }

    private void Look()
    {
        if (_waiting is not { } timer)
        {
            return;
        }

        if (timer.Due > _horizon)
        {
            _now = _horizon;
            _beyond.TrySetResult();
            return;
        }

        _waiting = null;
        _now = timer.Due > _now ? timer.Due : _now;
        ThreadPool.UnsafeQueueUserWorkItem(static timer => timer.Fire(), timer, preferLocal: false);
    }

    private sealed class Timer(HorizonClock clock, TimerCallback callback, object? state) : ITimer
    {
        public TimeSpan Due { get; private set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._lock)
            {
                if (dueTime == Timeout.InfiniteTimeSpan)
                {
                    clock._waiting = clock._waiting == this ? null : clock._waiting;
                    return true;
                }

                Due = clock._now + dueTime;
                clock._waiting = this;
                clock.Look();
            }

            return true;
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
