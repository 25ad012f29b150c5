using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using CommandCase = Orchestrator.Agent.V1.ExecuteRequest.CommandOneofCase;

namespace Orchestrator.Bench.Agents;

/// <summary>Copies for ever, and notes when each report left and when each new limit came.</summary>
internal sealed class SourceSession(string migrationId, string guestId, CopyPlan plan, TimeProvider clock)
    : ScriptedSession(migrationId, guestId, SessionRole.Source, clock)
{
    // What every formula of the agent adds for stopping and handing over.
    private static readonly TimeSpan s_overhead = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_setup = TimeSpan.FromMilliseconds(40);

    private readonly CopyModel _copy = new(plan);
    private long _startedAt;
    private TimeSpan _limit;
    private uint _throttlePercent;
    private bool _paused;
    private int _passTold = 1;
    private ITimer? _end;
    private DateTimeOffset? _stoppedAt;

    public WireLog Wire { get; } = new();

    /// <summary>How long the copy takes; null = for ever.</summary>
    public TimeSpan? Lasts => plan.Lasts;

    /// <summary>Keeps what will end it.</summary>
    public void EndsBy(ITimer timer) => _end = timer;

    /// <summary>Everything has been sent, and the guest is stopped here for good.</summary>
    /// <returns>False when it does not copy.</returns>
    public bool Complete()
    {
        _end?.Dispose();
        if (State is not SessionState.Running)
        {
            return false;
        }

        End(SessionOutcome.Completed, "completed");
        (RunState, _stoppedAt) = (RunState.Postmigrate, Clock.GetUtcNow());
        return true;
    }

    protected override void CarryOut(ExecuteRequest request)
    {
        switch (request.CommandCase)
        {
            case CommandCase.StartSource:
                Require(State is SessionState.Opening);
                (State, EngineStatus, RunState) = (SessionState.Running, "active", RunState.Running);
                _limit = request.StartSource.DowntimeLimit.ToTimeSpan();
                _startedAt = Clock.GetTimestamp();
                break;
            case CommandCase.AdjustSource:
                Require(State is SessionState.Running);
                Adjust(request.AdjustSource);
                break;
            case CommandCase.PauseSource:
                Require(State is SessionState.Running);
                (_paused, RunState) = (true, RunState.Paused);
                break;
            case CommandCase.ResumeSource:
                Require(State is SessionState.Running);
                (_paused, RunState) = (false, RunState.Running);
                break;
            case CommandCase.StartPostCopy:
                Require(State is SessionState.Running);
                (EngineStatus, RunState) = ("postcopy-active", RunState.Postmigrate);
                break;
            case CommandCase.RecoverSource:
                Require(State is SessionState.Running);
                break;
            case CommandCase.CancelSource:
                Require(State is SessionState.Running);
                End(SessionOutcome.Cancelled, "cancelled");
                (_paused, RunState) = (false, RunState.Running);
                break;
            case CommandCase.FinishSource:
                Require(State is SessionState.Running or SessionState.Ended);
                (State, RunState) = (SessionState.Closed, RunState.Gone);
                break;
            case CommandCase.AbandonSource:
                Require(State is not SessionState.Running);
                State = SessionState.Closed;
                break;
            default:
                Require(false);
                break;
        }
    }

    protected override void Complete(MigrationReport report)
    {
        if (_startedAt == 0)
        {
            return;
        }

        var elapsed = Clock.GetElapsedTime(_startedAt);
        if (State is SessionState.Running && !_paused)
        {
            _copy.AdvanceTo(elapsed, _limit);
        }

        report.Elapsed = elapsed.ToDuration();
        report.PausedToConverge = _paused;
        report.StoppedAt = _stoppedAt?.ToTimestamp();
        report.Numbers = Numbers(elapsed);
        if (_copy.Pass != _passTold)
        {
            _passTold = _copy.Pass;
            report.Events.Add($"PASS:{_passTold}");
        }
    }

    private void Adjust(AdjustSource adjustment)
    {
        if (adjustment.DowntimeLimit is { } limit)
        {
            _limit = limit.ToTimeSpan();
            Wire.NoteLimit(_limit, Clock.GetTimestamp());
        }

        _throttlePercent = adjustment.Throttle?.InitialPercent ?? _throttlePercent;
    }

    private TransferNumbers Numbers(TimeSpan elapsed)
    {
        var rate = (ulong)plan.BytesPerSecond;
        var numbers = new TransferNumbers
        {
            RamTotalBytes = plan.RamBytes,
            RamRemainingBytes = _copy.RemainingBytes,
            RemainingBytes = _copy.RemainingBytes,
            RemainingProvenance = Provenance.Engine,
            TransferredBytes = _copy.TransferredBytes,
            ProcessedBytes = _copy.ProcessedBytes,
            BandwidthBytesPerSecond = rate,
            EngineBandwidthBytesPerSecond = rate,
            SwitchoverBytesPerSecond = rate,
            Pass = (uint)_copy.Pass,
            PassesHonest = true,
            FirstPass = _copy.IsFirstPass,
            ThrottlePercent = _throttlePercent,
            DowntimeLimit = _limit.ToDuration(),
            TotalTime = elapsed.ToDuration(),
            SetupTime = s_setup.ToDuration(),
            EngineExpectedDowntimeMs = (long)_limit.TotalMilliseconds,
        };
        if (!_copy.IsFirstPass)
        {
            var expected = s_overhead + TimeSpan.FromSeconds(_copy.RemainingBytes / plan.BytesPerSecond);
            numbers.DirtyBytesPerSecond = rate + (rate / 10);
            numbers.EngineExpectedDowntimeMs = (long)expected.TotalMilliseconds;
            numbers.ExpectedDowntime = expected.ToDuration();
            numbers.ExpectedDowntimeProvenance = Provenance.Engine;
        }

        return numbers;
    }
}
