using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Migrations;
using Orchestrator.ControlPlane.Migrations.Watching;
using Orchestrator.V1;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;
using Migration = Orchestrator.ControlPlane.Migrations.Migration;

namespace Orchestrator.ControlPlane.Tests.Migrations;

public class MigrationWatcherTests
{
    private static readonly MigrationQuery s_all = new("", "", [], false);

    private readonly MigrationFeed _feed = new(Options.Create(new MigrationOptions { WatcherQueue = 10 }));

    [Fact]
    public async Task NextAsync_SlowWatcher_GetsEveryEventAndTheLatestReadingOnly()
    {
        var migration = Sample(LifecyclePhase.Copying);
        using var watcher = _feed.Watch(null, s_all);
        for (var sequence = 1UL; sequence <= 1000; sequence++)
        {
            _feed.Publish(migration, new Reading { Sequence = sequence });
            if (sequence % 500 == 0)
            {
                _feed.Publish(migration, new Decision { Sequence = (uint)(sequence / 500) });
            }
        }

        var told = await watcher.NextAsync(CancellationToken.None);

        Assert.Equal([1U, 2U], told!.Where(happening => happening.Decision is not null).Select(happening => happening.Decision.Sequence));
        Assert.Equal(1000UL, Assert.Single(told!, happening => happening.Reading is not null).Reading.Sequence);
    }

    [Fact]
    public async Task NextAsync_MoreThanMayWait_WatcherIsDroppedAndHoldsNothing()
    {
        var migration = Sample(LifecyclePhase.Copying);
        using var watcher = _feed.Watch(migration.MigrationId, s_all);
        for (var count = 0U; count <= 10; count++)
        {
            _feed.Publish(migration, new Decision { Sequence = count });
        }

        Assert.Null(await watcher.NextAsync(CancellationToken.None));
        _feed.Publish(migration, new Decision());
        Assert.Null(await watcher.NextAsync(CancellationToken.None));
    }

    [Fact]
    public async Task NextAsync_Transition_ComesWithTheWholeState()
    {
        var migration = Sample(LifecyclePhase.Completed) with { EndedAt = Readings.At };
        using var watcher = _feed.Watch(null, s_all with { RunningOnly = true });
        _feed.Publish(migration with { Phase = LifecyclePhase.Copying }, new Reading { Sequence = 7 });
        _feed.Publish(migration, LifecyclePhase.Verifying, new Transition { Sequence = 9 });

        var told = await watcher.NextAsync(CancellationToken.None);

        Assert.Equal(9U, told![0].Transition.Sequence);
        Assert.Equal((MigrationPhase.Completed, 7UL), (told[1].Snapshot.Phase, told[1].Snapshot.LatestReading.Sequence));
        Assert.Null(_feed.LatestReading(migration.MigrationId));
    }

    [Theory]
    [InlineData("guest-1", "", null, true)]
    [InlineData("guest-2", "", null, false)]
    [InlineData("", "host-a", null, true)]
    [InlineData("", "host-b", null, true)]
    [InlineData("", "host-c", null, false)]
    [InlineData("", "", LifecyclePhase.Copying, true)]
    [InlineData("", "", LifecyclePhase.Preparing, false)]
    public void Wants_ByFilter(string guestId, string hostId, LifecyclePhase? phase, bool wanted)
    {
        using var watcher = _feed.Watch(null, new MigrationQuery(guestId, hostId, phase is { } only ? [only] : [], true));

        Assert.Equal(wanted, watcher.Wants(Sample(LifecyclePhase.Copying), LifecyclePhase.Copying));
    }

    [Fact]
    public void Wants_LeavingAWantedPhase_IsStillTold()
    {
        using var watcher = _feed.Watch(null, s_all with { Phases = [LifecyclePhase.Copying] });
        var migration = Sample(LifecyclePhase.Verifying);

        Assert.True(watcher.Wants(migration, LifecyclePhase.Copying, LifecyclePhase.Verifying));
        Assert.False(watcher.Wants(migration, LifecyclePhase.Verifying, LifecyclePhase.Completed));
    }

    private static Migration Sample(LifecyclePhase phase) => new()
    {
        MigrationId = Guid.NewGuid(),
        GuestId = "guest-1",
        SourceHostId = "host-a",
        TargetHostId = "host-b",
        Request = new StartMigrationRequest(),
        Spec = new MachineSpec(),
        Policy = "doubling",
        PolicyRevision = 1,
        Mode = MigrationMode.Live,
        MaxDowntime = TimeSpan.FromMilliseconds(400),
        GuestWasRunning = true,
        Phase = phase,
        PhaseSince = Readings.At,
        CreatedAt = Readings.At,
        Revision = 5,
        Epoch = 1,
    };
}
