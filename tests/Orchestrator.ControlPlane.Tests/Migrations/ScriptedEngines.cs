using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>Both engines of one migration behind two real servers: a copy that goes on until the test lets it end.</summary>
internal sealed class ScriptedEngines
{
    private readonly Lock _gate = new();
    private readonly ScriptedAgent _source;
    private readonly ScriptedAgent _target;
    private MigrationReport? _sourceReport;
    private MigrationReport? _targetReport;

    public ScriptedEngines(ScriptedAgent source, ScriptedAgent target)
    {
        (_source, _target) = (source, target);
        source.OnExecute = Execute;
        target.OnExecute = Execute;
        source.OnPoll = request => Mine(_sourceReport, request);
        target.OnPoll = request => Mine(_targetReport, request);
    }

    public List<string> Commands { get; } = [];

    /// <summary>One more report of the copy.</summary>
    public void Copy(double seconds) => Say(report =>
    {
        report.Elapsed = TimeSpan.FromSeconds(seconds).ToDuration();
        report.Numbers = new TransferNumbers
        {
            RamTotalBytes = Fleet.Memory,
            RamRemainingBytes = 400_000_000,
            RemainingBytes = 400_000_000,
            TransferredBytes = (ulong)(seconds * 50_000_000),
            BandwidthBytesPerSecond = 50_000_000,
            DirtyBytesPerSecond = 90_000_000,
            ExpectedDowntime = TimeSpan.FromSeconds(8).ToDuration(),
            DowntimeLimit = TimeSpan.FromMilliseconds(100).ToDuration(),
            Pass = 2,
            PassesHonest = true,
        };
    });

    /// <summary>Everything is over and the guest runs on the target.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            _targetReport!.SessionState = SessionState.Ended;
            _targetReport.Outcome = SessionOutcome.Completed;
            _targetReport.RunState = RunState.Paused;
        }

        Say(report =>
        {
            report.SessionState = SessionState.Ended;
            report.Outcome = SessionOutcome.Completed;
            report.RunState = RunState.Postmigrate;
            report.EngineStatus = "completed";
        });
    }

    private void Say(Action<MigrationReport> change)
    {
        // COPYING is written down before the source is told to start.
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref _sourceReport) is not null, TimeSpan.FromSeconds(60)));
        MigrationReport said;
        lock (_gate)
        {
            change(_sourceReport!);
            _sourceReport!.Sequence++;
            said = _sourceReport.Clone();
        }

        _source.Tell(said);
    }

    private ExecuteResponse Execute(ExecuteRequest request)
    {
        lock (_gate)
        {
            Commands.Add(request.CommandCase.ToString());
            switch (request.CommandCase)
            {
                case ExecuteRequest.CommandOneofCase.PrepareTarget:
                    _targetReport = Report(request, SessionRole.Target, request.PrepareTarget.GuestId, SessionState.Listening, RunState.Inmigrate);
                    return new ExecuteResponse { Report = _targetReport.Clone(), ListenUri = "tcp:127.0.0.2:49152" };
                case ExecuteRequest.CommandOneofCase.StartSource:
                    _sourceReport = Report(request, SessionRole.Source, request.StartSource.GuestId, SessionState.Running, RunState.Running);
                    _sourceReport.EngineStatus = "active";
                    _sourceReport.WasRunning = true;
                    break;
                case ExecuteRequest.CommandOneofCase.CancelSource:
                    _sourceReport!.SessionState = SessionState.Ended;
                    _sourceReport.Outcome = SessionOutcome.Cancelled;
                    _sourceReport.Sequence++;
                    break;
                case ExecuteRequest.CommandOneofCase.HandOverTarget:
                    _targetReport!.RunState = RunState.Running;
                    _targetReport.ResumedAt = TimeProvider.System.GetUtcNow().ToTimestamp();
                    _targetReport.Sequence++;
                    break;
                default:
                    break;
            }

            var target = AgentIsTarget(request);
            return new ExecuteResponse { Report = (target ? _targetReport : _sourceReport)?.Clone() };
        }
    }

    private static bool AgentIsTarget(ExecuteRequest request) =>
        request.CommandCase.ToString().EndsWith("Target", StringComparison.Ordinal);

    private static MigrationReport Report(
        ExecuteRequest request, SessionRole role, string guestId, SessionState state, RunState runState) => new()
        {
            MigrationId = request.MigrationId,
            GuestId = guestId,
            Role = role,
            Sequence = 1,
            SessionState = state,
            RunState = runState,
            EngineVersion = "10.0.13",
        };

    private IEnumerable<MigrationReport> Mine(MigrationReport? report, PollRequest request)
    {
        lock (_gate)
        {
            return report?.MigrationId == request.MigrationId ? [report.Clone()] : [];
        }
    }
}
