using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.ControlPlane.Schedules;
using Orchestrator.ControlPlane.Tests.Migrations;
using Orchestrator.TestPostgres;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Schedules;

/// <summary>What is done when it is rung for, on a real database and with a clock the test moves.</summary>
public sealed class ScheduleRunnerTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private static readonly CancellationToken s_none = CancellationToken.None;

    private readonly PlayedEvacuations _evacuations = new();
    private Fleet _fleet = null!;
    private ScheduleStore _schedules = null!;
    private FiringStore _firings = null!;
    private ScheduleRunner _runner = null!;

    private DateTimeOffset Now => _fleet.Clock.GetUtcNow();

    public async Task InitializeAsync()
    {
        _fleet = await new Fleet(postgres.DataSource).StartAsync();
        _schedules = new ScheduleStore(Gate.To(postgres));
        _firings = new FiringStore(Gate.To(postgres));
        _runner = Runner();
        await _fleet.ExecuteAsync("DELETE FROM schedules", new { });
    }

    public Task DisposeAsync() => _fleet.DisposeAsync().AsTask();

    [Fact]
    public async Task LookAsync_NotDue_DoesNothing()
    {
        var name = await AddEvacuationAsync("0 0 * * * ?");

        await _runner.LookAsync(name, s_none);

        Assert.Empty(await FiringsAsync(name));
    }

    [Fact]
    public async Task LookAsync_Due_StartsTheMigrationUnderAnIdThatFollowsFromTheDueTime()
    {
        var move = await _fleet.AddGuestAsync();
        var name = await AddAsync(new ScheduleSpec
        {
            Cron = "0 0 * * * ?",
            Migration = new StartMigrationRequest { GuestId = move.GuestId, TargetHostId = move.TargetHost },
        });
        var due = Now.AddHours(1);
        _fleet.Clock.Advance(TimeSpan.FromHours(1) + TimeSpan.FromSeconds(1));

        await _runner.LookAsync(name, s_none);

        var firing = Assert.Single(await FiringsAsync(name));
        var id = ScheduledWork.IdOf(name, due);
        Assert.Equal((FiringOutcome.Started, due, id), (firing.Outcome, firing.DueAt, firing.MigrationId));
        var migration = await _fleet.Migrations.FindAsync(id, s_none);
        Assert.Equal((move.GuestId, $"schedule {name}, by tests"), (migration?.GuestId, migration?.RequestedBy));
        Assert.Equal(due.AddHours(1), (await FindAsync(name)).NextDueAt);
    }

    [Fact]
    public async Task LookAsync_RungTwice_DoesNothingTwice()
    {
        var name = await AddEvacuationAsync("0 0 * * * ?");
        _fleet.Clock.Advance(TimeSpan.FromHours(1));

        await _runner.LookAsync(name, s_none);
        await _runner.LookAsync(name, s_none);
        await _runner.SweepAsync(s_none);

        Assert.Single(await FiringsAsync(name));
        Assert.Single(_evacuations.Starts);
    }

    [Fact]
    public async Task LookAsync_ByManyReplicasAtOnce_FiresEachDueTimeOnce()
    {
        var name = await AddEvacuationAsync("0 * * * * ?");
        var runners = Enumerable.Range(0, 4).Select(_ => Runner()).ToList();
        for (var minute = 0; minute < 10; minute++)
        {
            _fleet.Clock.Advance(TimeSpan.FromMinutes(1));
            _evacuations.GoOn.Clear();
            await Task.WhenAll(runners.Select((runner, i) => Task.Run(
                () => i % 2 == 0 ? runner.LookAsync(name, s_none) : runner.SweepAsync(s_none))));
        }

        var firings = await FiringsAsync(name);
        Assert.Equal(10, firings.Count);
        Assert.All(firings, firing => Assert.Equal(FiringOutcome.Started, firing.Outcome));
        Assert.Equal(10, _evacuations.Starts.Count());
        Assert.Equal(10, _evacuations.Starts.Distinct().Count());
    }

    [Fact]
    public async Task SweepAsync_AfterAReplicaDiedOverAFiring_FinishesItOnceTheClaimHasRunOut()
    {
        var name = await AddEvacuationAsync("0 0 * * * ?");
        _fleet.Clock.Advance(TimeSpan.FromHours(1));
        _evacuations.OnStart = () => throw new IOException("killed");
        await Assert.ThrowsAsync<IOException>(() => _runner.LookAsync(name, s_none));
        _evacuations.OnStart = () => Task.CompletedTask;
        Assert.Equal(FiringOutcome.Unspecified, Assert.Single(await FiringsAsync(name)).Outcome);

        await Runner().SweepAsync(s_none);
        Assert.Empty(_evacuations.Starts);
        _fleet.Clock.Advance(ScheduleRunner.ClaimHolds);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Runner().SweepAsync(s_none))));

        var firing = Assert.Single(await FiringsAsync(name));
        Assert.Equal((FiringOutcome.Started, ScheduledWork.IdOf(name, firing.DueAt)), (firing.Outcome, firing.EvacuationId));
        Assert.Single(_evacuations.Starts);
    }

    [Theory]
    [InlineData(false, FiringOutcome.Missed)]
    [InlineData(true, FiringOutcome.Started)]
    public async Task SweepAsync_OfAFiringThatIsTooLate_AsksWhetherItHadBegun(bool begun, FiringOutcome outcome)
    {
        var name = await AddEvacuationAsync("0 0 * * * ?");
        _fleet.Clock.Advance(TimeSpan.FromHours(1));
        var id = ScheduledWork.IdOf(name, Now);
        _evacuations.OnStart = () =>
        {
            _evacuations.GoOn[id] = begun;
            throw new IOException("killed");
        };
        await Assert.ThrowsAsync<IOException>(() => _runner.LookAsync(name, s_none));
        _evacuations.OnStart = () => Task.CompletedTask;
        _fleet.Clock.Advance(TimeSpan.FromMinutes(30));

        await _runner.SweepAsync(s_none);

        Assert.Equal(outcome, Assert.Single(await FiringsAsync(name)).Outcome);
        Assert.Equal(begun ? 1 : 0, _evacuations.Starts.Count());
    }

    [Fact]
    public async Task LookAsync_InABlackout_NotesItAndBeginsNothing()
    {
        var name = await AddEvacuationAsync("0 0 * * * ?", spec => spec.Blackouts.Add(
            new Blackout { From = Now.ToTimestamp(), Until = Now.AddMinutes(90).ToTimestamp() }));
        _fleet.Clock.Advance(TimeSpan.FromHours(1));
        await _runner.LookAsync(name, s_none);
        _fleet.Clock.Advance(TimeSpan.FromHours(1));
        await _runner.LookAsync(name, s_none);

        Assert.Equal([FiringOutcome.Started, FiringOutcome.BlackedOut], (await FiringsAsync(name)).Select(firing => firing.Outcome));
        Assert.Single(_evacuations.Starts);
    }

    [Fact]
    public async Task LookAsync_AfterADowntime_MakesUpForTheLastAndNotesTheOthers()
    {
        var name = await AddEvacuationAsync("0 0 * * * ?");
        _fleet.Clock.Advance(TimeSpan.FromHours(5) + TimeSpan.FromMinutes(9));

        await _runner.SweepAsync(s_none);

        var firings = await FiringsAsync(name);
        Assert.Equal([FiringOutcome.Started, FiringOutcome.Missed], firings.Select(firing => firing.Outcome));
        Assert.StartsWith("4 missed from ", firings[1].Message, StringComparison.Ordinal);
        Assert.Single(_evacuations.Starts);
    }

    [Fact]
    public async Task LookAsync_AfterADowntimeLongerThanTheGrace_NotesOnly()
    {
        var name = await AddEvacuationAsync("0 0 * * * ?");
        _fleet.Clock.Advance(TimeSpan.FromHours(1) + TimeSpan.FromMinutes(11));

        await _runner.SweepAsync(s_none);

        Assert.Equal(FiringOutcome.Missed, Assert.Single(await FiringsAsync(name)).Outcome);
        Assert.Empty(_evacuations.Calls);
    }

    [Fact]
    public async Task LookAsync_WhatItWouldBeginIsRefused_SaysWhy()
    {
        var name = await AddAsync(new ScheduleSpec
        {
            Cron = "0 0 * * * ?",
            Migration = new StartMigrationRequest { GuestId = "nobody", TargetHostId = "nowhere" },
        });
        _fleet.Clock.Advance(TimeSpan.FromHours(1));

        await _runner.LookAsync(name, s_none);

        var firing = Assert.Single(await FiringsAsync(name));
        Assert.Equal((FiringOutcome.Refused, "Guest nobody is not known."), (firing.Outcome, firing.Message));
    }

    [Fact]
    public async Task Window_ClosesAtItsEnd_AndTheNextFiringGoesOn()
    {
        var name = await AddEvacuationAsync("0 0 * * * ?", spec => spec.Window = TimeSpan.FromMinutes(20).ToDuration());
        _fleet.Clock.Advance(TimeSpan.FromHours(1));
        await _runner.LookAsync(name, s_none);
        var id = Assert.Single(_evacuations.GoOn).Key;

        _fleet.Clock.Advance(TimeSpan.FromMinutes(19));
        await _runner.SweepAsync(s_none);
        Assert.Single(_evacuations.Calls);
        _fleet.Clock.Advance(TimeSpan.FromMinutes(1));
        await Task.WhenAll(_runner.SweepAsync(s_none), _runner.LookAsync(name, s_none));
        Assert.Contains(_evacuations.Calls, call => call.StartsWith($"pause {id} the window of schedule {name} ended at ", StringComparison.Ordinal));
        var calls = _evacuations.Calls.Count;
        await _runner.SweepAsync(s_none);
        Assert.Equal(calls, _evacuations.Calls.Count);

        _fleet.Clock.Advance(TimeSpan.FromMinutes(40));
        await _runner.LookAsync(name, s_none);
        Assert.Equal($"resume {id}", _evacuations.Calls.Last());
        var firing = (await FiringsAsync(name))[0];
        Assert.Equal((FiringOutcome.StillRunning, id), (firing.Outcome, firing.EvacuationId));

        _fleet.Clock.Advance(TimeSpan.FromMinutes(20));
        await _runner.SweepAsync(s_none);
        Assert.StartsWith($"pause {id}", _evacuations.Calls.Last(), StringComparison.Ordinal);
        Assert.Single(_evacuations.Starts);
    }

    [Fact]
    public async Task Window_ThatALaterFiringKeepsOpen_IsNotClosed()
    {
        var name = await AddEvacuationAsync("0 0 * * * ?", spec => spec.Window = TimeSpan.FromMinutes(90).ToDuration());
        foreach (var _ in Enumerable.Range(0, 3))
        {
            _fleet.Clock.Advance(TimeSpan.FromHours(1));
            await _runner.SweepAsync(s_none);
        }

        Assert.DoesNotContain(_evacuations.Calls, call => call.StartsWith("pause", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Window_OverWhenAReplicaLooks_IsMissed()
    {
        var name = await AddEvacuationAsync("0 0 * * * ?", spec => spec.Window = TimeSpan.FromMinutes(2).ToDuration());
        _fleet.Clock.Advance(TimeSpan.FromHours(1) + TimeSpan.FromMinutes(3));

        await _runner.LookAsync(name, s_none);

        Assert.Equal(FiringOutcome.Missed, Assert.Single(await FiringsAsync(name)).Outcome);
        Assert.Empty(_evacuations.Calls);
    }

    [Fact]
    public async Task Deleted_ClosesNothingAndFiresNoMore()
    {
        var name = await AddEvacuationAsync("0 0 * * * ?", spec => spec.Window = TimeSpan.FromMinutes(2).ToDuration());
        _fleet.Clock.Advance(TimeSpan.FromHours(1));
        await _runner.LookAsync(name, s_none);
        Assert.True(await _schedules.DeleteAsync(name, s_none));
        _fleet.Clock.Advance(TimeSpan.FromHours(3));

        await _runner.SweepAsync(s_none);
        await _runner.LookAsync(name, s_none);

        Assert.Single(_evacuations.Calls);
    }

    [Fact]
    public async Task RemoveOlderAsync_KeepsTheLastOfEach()
    {
        var name = await AddEvacuationAsync("0 0 * * * ?");
        foreach (var _ in Enumerable.Range(0, 3))
        {
            _fleet.Clock.Advance(TimeSpan.FromHours(1));
            _evacuations.GoOn.Clear();
            await _runner.SweepAsync(s_none);
        }

        await _firings.RemoveOlderAsync(Now.AddDays(1), s_none);

        Assert.Equal(Now, Assert.Single(await FiringsAsync(name)).DueAt);
    }

    private ScheduleRunner Runner() => new(
        _schedules,
        _firings,
        new ScheduledWork(_fleet.Admission, _fleet.Migrations, _fleet.Wishes, _evacuations.Port, _fleet.Clock),
        _fleet.Clock,
        NullLogger<ScheduleRunner>.Instance);

    private Task<string> AddEvacuationAsync(string cron, Action<ScheduleSpec>? change = null)
    {
        var spec = new ScheduleSpec { Cron = cron, Evacuation = new EvacuationSpec { HostIds = { "h1" } } };
        change?.Invoke(spec);
        return AddAsync(spec);
    }

    private async Task<string> AddAsync(ScheduleSpec spec)
    {
        var name = $"schedule-{Guid.NewGuid():N}"[..20];
        var next = ScheduleSpecParser.ParseStored(spec).NextAfter(Now);
        Assert.True(await _schedules.CreateAsync(new StoredSchedule(name, spec, false, Now, "tests", next, 1), s_none));
        return name;
    }

    private async Task<StoredSchedule> FindAsync(string name) => (await _schedules.FindAsync(name, s_none))!;

    private Task<IReadOnlyList<StoredFiring>> FiringsAsync(string name) => _firings.ListAsync(name, null, 100, s_none);
}
