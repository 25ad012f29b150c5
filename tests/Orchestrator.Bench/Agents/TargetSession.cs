using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using CommandCase = Orchestrator.Agent.V1.ExecuteRequest.CommandOneofCase;

namespace Orchestrator.Bench.Agents;

/// <summary>Waits for a guest that will not come: listens, receives, and does what it is told.</summary>
internal sealed class TargetSession(string migrationId, string guestId, TimeProvider clock)
    : ScriptedSession(migrationId, guestId, SessionRole.Target, clock)
{
    private DateTimeOffset? _resumedAt;

    // Nobody connects there; the port only has to look like one.
    protected override string ListenUri => "tcp:127.0.0.1:49152";

    /// <summary>The source has connected.</summary>
    /// <returns>False when nobody listens.</returns>
    public bool Receive()
    {
        if (State is not SessionState.Listening)
        {
            return false;
        }

        (State, EngineStatus) = (SessionState.Running, "active");
        return true;
    }

    /// <summary>The source has stopped for good. The second word for it finds it done.</summary>
    /// <returns>False when there is nothing to hand over.</returns>
    public bool HandOver()
    {
        if (State is SessionState.Listening or SessionState.Running)
        {
            End(SessionOutcome.Completed, "completed");
            (RunState, _resumedAt) = (RunState.Running, Clock.GetUtcNow());
        }

        return _resumedAt is not null;
    }

    protected override void CarryOut(ExecuteRequest request)
    {
        switch (request.CommandCase)
        {
            case CommandCase.PrepareTarget:
                Require(State is SessionState.Opening);
                (State, EngineStatus, RunState) = (SessionState.Listening, "setup", RunState.Inmigrate);
                break;
            case CommandCase.RecoverTarget:
                Require(State is SessionState.Running);
                break;
            case CommandCase.HandOverTarget:
                Require(HandOver());
                break;
            case CommandCase.FinishTarget:
                Require(_resumedAt is not null);
                State = SessionState.Closed;
                break;
            case CommandCase.AbandonTarget:
                Require(_resumedAt is null);
                End(SessionOutcome.Cancelled, "cancelled");
                (State, RunState) = (SessionState.Closed, RunState.Gone);
                break;
            default:
                Require(false);
                break;
        }
    }

    protected override void Complete(MigrationReport report) => report.ResumedAt = _resumedAt?.ToTimestamp();
}
