using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;

namespace Orchestrator.ControlPlane.Tests.Evacuations;

/// <summary>The engines of many migrations behind real servers: each does at once what it is told, unless the test holds it or has it fail.</summary>
internal sealed class ScriptedMoves
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Engines> _moves = new(StringComparer.Ordinal);

    /// <summary>Guests whose copy goes on until <see cref="Release"/>.</summary>
    public ConcurrentDictionary<string, bool> Held { get; } = new(StringComparer.Ordinal);

    /// <summary>"guest host" of preparations that fail.</summary>
    public ConcurrentDictionary<string, bool> Fails { get; } = new(StringComparer.Ordinal);

    /// <summary>"guest host policy-less" of every preparation, in order: "guest-1 host-b".</summary>
    public ConcurrentQueue<string> Prepared { get; } = new();

    /// <summary>Copies that were begun, by guest.</summary>
    public ConcurrentQueue<string> Copies { get; } = new();

    public void Play(ScriptedAgent agent)
    {
        agent.OnExecute = request => Execute(agent, request);
        agent.OnPoll = request => Reports(agent, request);
    }

    /// <summary>Lets a held guest arrive.</summary>
    public void Release(string guestId)
    {
        Held.TryRemove(guestId, out _);
        Engines[] held;
        lock (_gate)
        {
            held = [.. _moves.Values.Where(move => move.GuestId == guestId && move.SourceReport is { SessionState: SessionState.Running })];
        }

        foreach (var move in held)
        {
            Complete(move);
        }
    }

    public bool IsCopying(string guestId)
    {
        lock (_gate)
        {
            return _moves.Values.Any(move => move.GuestId == guestId && move.SourceReport is { SessionState: SessionState.Running });
        }
    }

    private ExecuteResponse Execute(ScriptedAgent agent, ExecuteRequest request)
    {
        Engines move;
        lock (_gate)
        {
            move = _moves.TryGetValue(request.MigrationId, out var known) ? known : _moves[request.MigrationId] = new Engines(request.MigrationId);
        }

        switch (request.CommandCase)
        {
            case ExecuteRequest.CommandOneofCase.PrepareTarget:
                var guestId = request.PrepareTarget.GuestId;
                Prepared.Enqueue($"{guestId} {agent.HostId}");
                (move.GuestId, move.Target) = (guestId, agent);
                if (Fails.ContainsKey($"{guestId} {agent.HostId}"))
                {
                    throw ScriptedAgent.Refuse("ENGINE_REFUSED", "the engine did not start");
                }

                move.TargetReport = Report(request, SessionRole.Target, guestId, SessionState.Listening, RunState.Inmigrate);
                return new ExecuteResponse { Report = move.TargetReport.Clone(), ListenUri = "tcp:127.0.0.2:49152" };
            case ExecuteRequest.CommandOneofCase.StartSource:
                return Start(agent, request, move);
            case ExecuteRequest.CommandOneofCase.CancelSource:
                Change(move, source =>
                {
                    (source.SessionState, source.Outcome, source.EngineStatus) = (SessionState.Ended, SessionOutcome.Cancelled, "cancelled");
                    source.RunState = RunState.Running;
                });
                break;
            case ExecuteRequest.CommandOneofCase.HandOverTarget:
                lock (_gate)
                {
                    move.TargetReport!.RunState = RunState.Running;
                    move.TargetReport.ResumedAt = TimeProvider.System.GetUtcNow().ToTimestamp();
                    move.TargetReport.Sequence++;
                }

                agent.Set(move.GuestId, RunState.Running);
                break;
            case ExecuteRequest.CommandOneofCase.FinishSource:
                agent.Remove(move.GuestId);
                break;
        }

        lock (_gate)
        {
            return new ExecuteResponse { Report = (move.Target == agent ? move.TargetReport : move.SourceReport)?.Clone() };
        }
    }

    private ExecuteResponse Start(ScriptedAgent agent, ExecuteRequest request, Engines move)
    {
        ExecuteResponse started;
        lock (_gate)
        {
            if (move.SourceReport is null)
            {
                Copies.Enqueue(move.GuestId);
                move.Source = agent;
                move.SourceReport = Report(request, SessionRole.Source, request.StartSource.GuestId, SessionState.Running, RunState.Running);
                (move.SourceReport.EngineStatus, move.SourceReport.WasRunning) = ("active", true);
            }

            started = new ExecuteResponse { Report = move.SourceReport.Clone() };
        }

        if (!Held.ContainsKey(move.GuestId))
        {
            _ = Task.Run(() => Complete(move));
        }

        return started;
    }

    private void Complete(Engines move)
    {
        lock (_gate)
        {
            (move.TargetReport!.SessionState, move.TargetReport.Outcome, move.TargetReport.RunState) =
                (SessionState.Ended, SessionOutcome.Completed, RunState.Paused);
            move.TargetReport.Sequence++;
        }

        Change(move, source => (source.SessionState, source.Outcome, source.RunState, source.EngineStatus) =
            (SessionState.Ended, SessionOutcome.Completed, RunState.Postmigrate, "completed"));
    }

    private void Change(Engines move, Action<MigrationReport> change)
    {
        MigrationReport said;
        lock (_gate)
        {
            change(move.SourceReport!);
            move.SourceReport!.Sequence++;
            said = move.SourceReport.Clone();
        }

        move.Source?.Tell(said);
    }

    private List<MigrationReport> Reports(ScriptedAgent agent, PollRequest request)
    {
        lock (_gate)
        {
            return _moves.GetValueOrDefault(request.MigrationId) is not { } move ? []
                : move.Target == agent ? (move.TargetReport is { } target ? [target.Clone()] : [])
                : move.SourceReport is { } source ? [source.Clone()] : [];
        }
    }

    private static MigrationReport Report(ExecuteRequest request, SessionRole role, string guestId, SessionState state, RunState runState) => new()
    {
        MigrationId = request.MigrationId,
        GuestId = guestId,
        Role = role,
        Sequence = 1,
        SessionState = state,
        RunState = runState,
        EngineVersion = "7.2.22",
    };

    private sealed class Engines(string migrationId)
    {
        public string MigrationId => migrationId;

        public string GuestId { get; set; } = "";

        public ScriptedAgent? Source { get; set; }

        public ScriptedAgent? Target { get; set; }

        public MigrationReport? SourceReport { get; set; }

        public MigrationReport? TargetReport { get; set; }
    }
}
