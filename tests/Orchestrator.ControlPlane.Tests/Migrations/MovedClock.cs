namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>A clock that stands until the test moves it; timers, with periods too, fall due on the way.</summary>
internal sealed class MovedClock : TimeProvider
{
    private static readonly DateTimeOffset s_start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly Lock _gate = new();
    private readonly List<Timer> _timers = [];
    private TimeSpan _passed;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public TimeSpan Passed
    {
        get
        {
            lock (_gate)
            {
                return _passed;
            }
        }
    }

    public override DateTimeOffset GetUtcNow() => s_start + Passed;

    // Not 0 at the start: that stands for "never" here and there.
    public override long GetTimestamp() => TimeSpan.TicksPerHour + Passed.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    public void Advance(TimeSpan by)
    {
        var until = Passed + by;
        while (true)
        {
            Timer? due;
            lock (_gate)
            {
                due = _timers.Where(timer => timer.DueAt <= until).MinBy(timer => timer.DueAt);
                _passed = due is null ? until : due.DueAt > _passed ? due.DueAt.Value : _passed;
                due?.Arm();
            }

            if (due is null)
            {
                return;
            }

            due.Fire();
        }
    }

    private sealed class Timer(MovedClock clock, Action fire) : ITimer
    {
        private TimeSpan _period;

        /// <summary>Null while it is off.</summary>
        public TimeSpan? DueAt { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._gate)
            {
                _period = period;
                DueAt = dueTime == Timeout.InfiniteTimeSpan ? null : clock._passed + dueTime;
                clock._timers.Remove(this);
                if (DueAt is not null)
                {
                    clock._timers.Add(this);
                }
            }

            // As the system's timers do, off the caller's stack.
            if (dueTime == TimeSpan.Zero)
            {
                clock.FireDue(this);
            }

            return true;
        }

        /// <summary>For the next period, or off.</summary>
        public void Arm()
        {
            DueAt = _period > TimeSpan.Zero ? DueAt + _period : null;
            if (DueAt is null)
            {
                clock._timers.Remove(this);
            }
        }

        public void Fire() => fire();

        public void Dispose()
        {
            lock (clock._gate)
            {
                DueAt = null;
                clock._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }

    private void FireDue(Timer timer)
    {
        lock (_gate)
        {
            if (timer.DueAt is null)
            {
                return;
            }

            timer.Arm();
        }

        ThreadPool.UnsafeQueueUserWorkItem(static timer => timer.Fire(), timer, preferLocal: false);
    }
}
