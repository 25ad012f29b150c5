using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Orchestrator.HostAgent.Migrations;
using Orchestrator.HostAgent.Tests.Fleet;
using Orchestrator.HostAgent.Tests.Migrations.Probing;
using Orchestrator.Reports;

namespace Orchestrator.HostAgent.Tests.Migrations;

/// <summary>Probing a copy whose engine is played, in a time that the test moves.</summary>
public sealed class DirtyProberTests : IAsyncLifetime, IDisposable
{
    private const double Mebibyte = 1 << 20;

    private readonly HorizonClock _clock = new();
    private readonly RememberedLog _log = new();
    private readonly CancellationTokenSource _ending = new();
    private ScriptedEngine _engine = null!;
    private DirtyProber _prober = null!;
    private Task _probing = Task.CompletedTask;
    private volatile bool _goesOn = true;
    private TimeSpan? _stoppedAt;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _ending.CancelAsync();
        await _probing.WaitAsync(TestAgent.Bound);
        await (_engine?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    public void Dispose() => _ending.Dispose();

    [Theory]
    [InlineData("7.2.22", new[] { 1.0, 4, 1, 4 })]
    [InlineData("10.0.13", new[] { 0.25, 1, 4, 0.25, 1, 4 })]
    [InlineData("11.1.3", new[] { 0.25, 1, 4, 0.25, 1, 4 })]
    public async Task Run_FirstSeconds_MeasuresIntervalsOfEachLengthInTurn(string version, double[] intervals)
    {
        Start(version);
        await _clock.RunToAsync(17);

        Assert.Equal(intervals, _engine.Asked.Take(intervals.Length).Select(asked => asked.Interval.TotalSeconds));
        Assert.Equal(TimeSpan.Zero, _engine.Asked[0].At);
        Assert.All(Gaps(), gap => Assert.InRange(gap.TotalSeconds, 1, 1.3));
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task Run_AfterTheFirstMinute_MeasuresOnceInTenSeconds()
    {
        Start("10.0.13");
        await _clock.RunToAsync(300);

        var later = _engine.Asked.Where(asked => asked.At > TimeSpan.FromSeconds(70)).ToList();
        Assert.InRange(later.Count, 22, 24);
        Assert.Equal(3, later.Select(asked => asked.Interval).Distinct().Count());
        Assert.InRange(_engine.Asked.Count - later.Count, 18, 26);
    }

    [Theory]
    [InlineData("7.2.22", 1.0)]
    [InlineData("10.0.13", 0.25)]
    public async Task Last_AfterTheFirst_IsWhatItMeasured(string version, double interval)
    {
        Start(version);
        await _clock.RunToAsync(interval / 2);
        Assert.Null(_prober.Last);
        await _clock.RunToAsync(interval + 0.5);

        Assert.Equal(new ProbeSample(TimeSpan.FromSeconds(interval), TimeSpan.FromSeconds(interval), (ulong)(100.5 * interval * Mebibyte)), _prober.Last);
    }

    /// <summary>The rate is of the time it took, so a longer one measured more.</summary>
    [Fact]
    public async Task Last_EngineTookLonger_IsOfTheTimeItTook()
    {
        Start("10.0.13", engine => engine.Overshoot = TimeSpan.FromMilliseconds(250));
        await _clock.RunToAsync(1.2);

        var took = TimeSpan.FromMilliseconds(500);
        Assert.Equal(new ProbeSample(took, took, (ulong)(100.5 * 0.5 * Mebibyte)), _prober.Last);
    }

    [Fact]
    public async Task Run_HashingTakesLong_RestsTwentyTimesAsLong()
    {
        Start("10.0.13", engine => engine.Hashing = TimeSpan.FromMilliseconds(400));
        await _clock.RunToAsync(30);

        Assert.NotNull(_prober.Last);
        Assert.All(Gaps(), gap => Assert.InRange(gap.TotalSeconds, 20 * 0.4, 21 * 0.8));
    }

    [Fact]
    public async Task Run_CopyDoesNotGoOn_AsksNothing()
    {
        _goesOn = false;
        Start("10.0.13");
        await _clock.RunToAsync(20);
        Assert.Equal(0, _engine.Commands);

        _goesOn = true;
        await _clock.RunToAsync(22);
        Assert.NotNull(_prober.Last);
    }

    [Fact]
    public async Task Run_SwitchOverDuringAMeasuring_AsksNoMoreAndForgetsIt()
    {
        Start("10.0.13");
        await _clock.RunToAsync(3.5);
        var (last, commands) = (_prober.Last, _engine.Commands);
        Assert.Equal(4, _engine.Asked[^1].Interval.TotalSeconds);

        _goesOn = false;
        await _clock.RunToAsync(60);
        Assert.Equal((last, commands), (_prober.Last, _engine.Commands));
        Assert.Empty(_log.Lines);
    }

    /// <summary>What stood still in part of it would be taken for a guest that dirties little.</summary>
    [Fact]
    public async Task Run_GuestStoppedAndWentOnDuringAMeasuring_ForgetsIt()
    {
        Start("10.0.13");
        await _clock.RunToAsync(3.5);
        var last = _prober.Last;
        _stoppedAt = TimeSpan.FromSeconds(4);
        await _clock.RunToAsync(7.5);
        Assert.Equal(3, _engine.Asked.Count);
        Assert.Same(last, _prober.Last);

        await _clock.RunToAsync(10);
        Assert.NotSame(last, _prober.Last);
    }

    [Fact]
    public async Task Run_EngineRefuses_IsLoggedOnceAndTriedSeldom()
    {
        Start("10.0.13", engine => engine.Refusal = "not now");
        await _clock.RunToAsync(65);
        Assert.Null(_prober.Last);
        Assert.Contains("not now", Assert.Single(_log.Lines), StringComparison.Ordinal);
        Assert.InRange(_engine.Asked.Count, 6, 7);

        _engine.Refusal = null;
        await _clock.RunToAsync(85);
        Assert.NotNull(_prober.Last);
        Assert.Single(_log.Lines);
    }

    [Fact]
    public async Task Run_ConnectionLostWithTheMeasuring_GoesOnOverTheNextOne()
    {
        Start("10.0.13", engine => engine.BreaksAt = "calc-dirty-rate");
        await _clock.RunToAsync(0.5);
        Assert.Null(_prober.Last);
        Assert.Empty(_engine.Asked);

        await _clock.RunToAsync(3);
        Assert.NotNull(_prober.Last);
        Assert.True(_engine.Asked[0].At >= TimeSpan.FromSeconds(1));
        Assert.StartsWith("Debug", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    /// <summary>Its measuring goes on in the engine, and a second one beside it is what must not be.</summary>
    [Fact]
    public async Task Run_ConnectionLostDuringAMeasuring_WaitsForItsEnd()
    {
        Start("10.0.13");
        await _clock.RunToAsync(3.5);
        var last = _prober.Last;
        _engine.BreaksAt = "query-dirty-rate";
        await _clock.RunToAsync(8);
        Assert.Same(last, _prober.Last);

        await _clock.RunToAsync(12);
        Assert.NotSame(last, _prober.Last);
        Assert.Single(_log.Lines);
    }

    [Fact]
    public async Task Run_MeasuringNeverEnds_IsLoggedAndNoneIsBegunBesideIt()
    {
        Start("10.0.13", engine => engine.NeverEnds = true);
        await _clock.RunToAsync(300);
        Assert.Single(_engine.Asked);
        Assert.Null(_prober.Last);
        Assert.Equal(2, _log.Lines.Count);

        _engine.NeverEnds = false;
        await _clock.RunToAsync(320);
        Assert.True(_prober.Last!.Ended > TimeSpan.FromSeconds(300), _prober.Last.ToString());
        Assert.Equal(2, _log.Lines.Count);
    }

    [Fact]
    public async Task Run_AnotherMeasures_WaitsForItsEnd()
    {
        Start("10.0.13", engine => engine.MeasureForAnother(TimeSpan.FromSeconds(30), 128));
        await _clock.RunToAsync(29);
        Assert.Empty(_engine.Asked);
        Assert.Single(_log.Lines);

        await _clock.RunToAsync(34);
        Assert.NotNull(_prober.Last);
        Assert.Single(_log.Lines);
    }

    [Fact]
    public async Task Run_AnotherMeasuredSince_ForgetsWhatItFinds()
    {
        Start("10.0.13");
        await _clock.RunToAsync(3.5);
        var last = _prober.Last;
        _engine.MeasureForAnother(TimeSpan.FromSeconds(4), 128);
        await _clock.RunToAsync(8);

        Assert.Same(last, _prober.Last);
        Assert.Contains("128", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"status": "measured", "dirty-rate": -1, "calc-time": 250, "calc-time-unit": "millisecond", "sample-pages": 16384}""")]
    [InlineData("""{"status": "measured", "dirty-rate": 5, "calc-time": 90000, "calc-time-unit": "millisecond", "sample-pages": 16384}""")]
    [InlineData("""{"status": "measured", "dirty-rate": 5, "calc-time": -250, "calc-time-unit": "millisecond", "sample-pages": 16384}""")]
    [InlineData("""{"status": "measured", "dirty-rate": 5, "sample-pages": 16384}""")]
    [InlineData("""{"status": "measured", "calc-time": "soon"}""")]
    [InlineData("""{"status": "weighed", "dirty-rate": 5}""")]
    [InlineData("""{"status": 5}""")]
    [InlineData("[]")]
    public async Task Run_EngineSaysWhatCannotBe_IsLoggedOnceOfAKindAndNoProbe(string reply)
    {
        Start("10.0.13", engine => engine.Nonsense = reply);
        await _clock.RunToAsync(120);

        Assert.Null(_prober.Last);

        // What is nonsense of the first interval is another's measuring of the second.
        Assert.InRange(_log.Lines.Count, 1, 2);
    }

    [Fact]
    public async Task Run_SessionFailsUnderIt_IsLoggedAndGivesUp()
    {
        _engine = new ScriptedEngine("10.0.13", _clock);
        _prober = new DirtyProber(Copy(_ => throw new InvalidOperationException("torn")), _clock, _log);
        _probing = _prober.RunAsync(_ending.Token);
        await _probing.WaitAsync(TestAgent.Bound);

        Assert.StartsWith("Information", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0ul, 16384)]
    [InlineData(64, 16384)]
    [InlineData(256, 16384)]
    [InlineData(1 << 10, 4096)]
    [InlineData(4 << 10, 1024)]
    [InlineData(8 << 10, 512)]
    [InlineData(512 << 10, 512)]
    [InlineData(1 << 20, 256)]
    [InlineData(2 << 20, 128)]
    [InlineData(24 << 20, 128)]
    public void SamplePages_OfAnyGuest_AreEnoughAndNotTooMany(ulong mebibytes, int perGibibyte) =>
        Assert.Equal(perGibibyte, DirtyProber.SamplePages(mebibytes << 20));

    private void Start(string version, Action<ScriptedEngine>? script = null)
    {
        _engine = new ScriptedEngine(version, _clock);
        script?.Invoke(_engine);
        _prober = new DirtyProber(Copy(_engine.MonitorAsync), _clock, _log);
        _probing = _prober.RunAsync(_ending.Token);
    }

    private ProbedCopy Copy(Func<CancellationToken, Task<Qmp.QemuMonitor>> monitor) => new(Guid.NewGuid(), _clock.Start, 64 << 20)
    {
        GoesOn = () => _goesOn,
        StoppedAt = () => _clock.Start + _stoppedAt,
        Monitor = monitor,
    };

    /// <summary>From the end of each interval to the next one's begin.</summary>
    private IEnumerable<TimeSpan> Gaps() =>
        _engine.Asked.Zip(_engine.Asked.Skip(1), (one, next) => next.At - one.At - one.Interval);

    private sealed class RememberedLog : ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IReadOnlyList<string> Lines => [.. _lines];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue($"{logLevel}: {formatter(state, exception)}");
    }
}
