using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.Agent.V1;

namespace Orchestrator.Bench.Agents;

/// <summary>One side of one migration. Used under its host's lock alone.</summary>
internal abstract class ScriptedSession(string migrationId, string guestId, SessionRole role, TimeProvider clock)
{
    private readonly CommandJournal _journal = new();
    private ulong _sequence;

    public string MigrationId => migrationId;

    public string GuestId => guestId;

    public SessionState State { get; protected set; } = SessionState.Opening;

    /// <summary>The replica that commanded last; empty when it did not say.</summary>
    public string Commander { get; private set; } = "";

    /// <summary>Null before the first.</summary>
    public MigrationReport? LastReport { get; private set; }

    protected SessionOutcome Outcome { get; set; }

    protected string EngineStatus { get; set; } = "";

    protected RunState RunState { get; set; }

    protected TimeProvider Clock => clock;

    /// <summary>Open, or ended and not yet acknowledged.</summary>
    public bool IsReported => State is not SessionState.Closed;

    /// <returns>The answer, and whether it was carried out just now and not answered from the journal.</returns>
    /// <exception cref="RpcException">The refusals of Execute in agent.proto.</exception>
    public (ExecuteResponse Answer, bool Fresh) Execute(ExecuteRequest request)
    {
        if (request.CommandCase is ExecuteRequest.CommandOneofCase.Attend)
        {
            _journal.Attend(request.Epoch);
            Commander = request.ReplicaId;
            return (new ExecuteResponse { Report = Report(), ListenUri = ListenUri }, true);
        }

        var repeated = _journal.Enter(request);
        Commander = request.ReplicaId;
        if (repeated is not null)
        {
            return (repeated, false);
        }

        CarryOut(request);
        _journal.Begin(request);
        var response = new ExecuteResponse { Report = Report(), ListenUri = ListenUri };
        _journal.Answer(request, response);
        return (response, true);
    }

    /// <summary>The present, under the next number.</summary>
    public MigrationReport Report()
    {
        var report = new MigrationReport
        {
            MigrationId = migrationId,
            GuestId = guestId,
            Role = role,
            Epoch = _journal.Epoch,
            Sequence = ++_sequence,
            At = clock.GetUtcNow().ToTimestamp(),
            SessionState = State,
            Outcome = Outcome,
            EngineStatus = EngineStatus,
            RunState = RunState,
            LastCommandId = _journal.LastCommandId,
            WasRunning = true,
            ListenUri = ListenUri,
            EngineVersion = ScriptedHost.EngineVersion,
        };
        Complete(report);
        LastReport = report;
        return report;
    }

    protected virtual string ListenUri => "";

    /// <exception cref="RpcException">WRONG_STATE.</exception>
    protected abstract void CarryOut(ExecuteRequest request);

    protected abstract void Complete(MigrationReport report);

    protected void Require(bool allowed)
    {
        if (!allowed)
        {
            throw CommandJournal.WrongState(State);
        }
    }

    protected void End(SessionOutcome outcome, string engineStatus) => (State, Outcome, EngineStatus) = (SessionState.Ended, outcome, engineStatus);
}
