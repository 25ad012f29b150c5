using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.V1;
using CommandCase = Orchestrator.Agent.V1.ExecuteRequest.CommandOneofCase;
using StartGuestRequest = Orchestrator.Agent.V1.StartGuestRequest;

namespace Orchestrator.Bench.Agents;

/// <summary>One host and its agent: guests that are only written down, and sessions whose copies are only computed.</summary>
internal sealed class ScriptedHost(string hostId, ScriptedFleet fleet, TimeProvider clock)
{
    public const string EngineVersion = "10.0.0 (scripted)";
    public const string MachineType = "pc-q35-10.0";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, AgentGuest> _guests = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ScriptedSession> _sessions = new(StringComparer.Ordinal);
    private readonly string _instanceId = Guid.NewGuid().ToString();
    private ReportStream[] _streams = [];

    public string HostId => hostId;

    public HostDescription Describe() => fleet.Shape.Describe(hostId, _instanceId);

    /// <summary>Has guests run here as if they always had; nobody is told before the next list.</summary>
    public void Settle(IEnumerable<(string GuestId, MachineSpec Spec)> guests)
    {
        lock (_gate)
        {
            foreach (var (guestId, spec) in guests)
            {
                _guests[guestId] = Guest(guestId, spec, RunState.Running);
            }
        }
    }

    public AgentGuest StartGuest(StartGuestRequest request)
    {
        lock (_gate)
        {
            if (!_guests.TryGetValue(request.GuestId, out var guest))
            {
                guest = Guest(request.GuestId, request.Spec, request.Paused ? RunState.Paused : RunState.Running);
                _guests[request.GuestId] = guest;
                ChangedGuests_NeedsLock();
            }

            return guest.Clone();
        }
    }

    public void StopGuest(string guestId)
    {
        lock (_gate)
        {
            if (_guests.Remove(guestId))
            {
                ChangedGuests_NeedsLock();
            }
        }
    }

    /// <exception cref="RpcException">GUEST_UNKNOWN.</exception>
    public AgentGuest Set(string guestId, RunState runState)
    {
        lock (_gate)
        {
            var guest = _guests.TryGetValue(guestId, out var present) ? present : throw CommandJournal.GuestUnknown(guestId);
            if (guest.RunState != runState)
            {
                guest.RunState = runState;
                ChangedGuests_NeedsLock();
            }

            return guest.Clone();
        }
    }

    public IReadOnlyList<AgentGuest> Guests()
    {
        lock (_gate)
        {
            return [.. _guests.Values.Select(guest => guest.Clone())];
        }
    }

    /// <exception cref="RpcException">The refusals of Execute in agent.proto.</exception>
    public ExecuteResponse Execute(ExecuteRequest request)
    {
        ExecuteResponse answer;
        lock (_gate)
        {
            var session = Session_NeedsLock(request);
            (answer, var fresh) = session.Execute(request);
            fleet.Tally.NoteCommand(request.CommandCase, fresh);
            if (!fresh)
            {
                return answer;
            }

            MoveGuest_NeedsLock(request);
            Hurry_NeedsLock(session, answer.Report);
        }

        if (request.StartSource is { } start)
        {
            fleet.Tally.NoteBegun(clock.GetUtcNow());
            fleet.At(start.TargetAgentEndpoint)?.Receive(request.MigrationId);
            if (FindSource(request.MigrationId) is { Lasts: { } lasts } source)
            {
                source.EndsBy(clock.CreateTimer(_ => End(source, start.TargetAgentEndpoint), null, lasts, Timeout.InfiniteTimeSpan));
            }
        }

        return answer;
    }

    /// <summary>The other side has connected to the session here, if there is one.</summary>
    public void Receive(string migrationId) => Change(migrationId, session => (session as TargetSession)?.Receive() ?? false);

    /// <summary>From the source's agent: the guest may run here.</summary>
    public void HandOver(string migrationId) => Change(migrationId, session =>
    {
        if (session is not TargetSession target || !target.HandOver())
        {
            return false;
        }

        Arrive_NeedsLock(target.GuestId);
        return true;
    });

    public IReadOnlyList<MigrationReport> Poll(string migrationId)
    {
        lock (_gate)
        {
            // A report that is polled is not sent on the stream, so it has the number of the last one that was.
            return [.. _sessions.Values.Where(session => migrationId.Length == 0 ? session.IsReported : session.MigrationId == migrationId)
                .Select(session => session.LastReport ?? session.Report())];
        }
    }

    /// <summary>The source session of a migration that began here; null when there is none.</summary>
    public SourceSession? FindSource(string migrationId)
    {
        lock (_gate)
        {
            return _sessions.GetValueOrDefault(migrationId) as SourceSession;
        }
    }

    /// <summary>Sends the reports of all sessions on every beat, and what commands changed at once, until the call ends.</summary>
    public async Task ObserveAsync(
        TimeSpan interval, string replicaId, IServerStreamWriter<ObserveResponse> observer, CancellationToken cancellation)
    {
        using var bell = new ReportBell(interval, fleet.Tally, clock);
        var stream = new ReportStream(replicaId, bell, observer, cancellation);
        lock (_gate)
        {
            _streams = [.. _streams, stream];
        }

        fleet.Tally.NoteStream(opened: true);
        try
        {
            while (true)
            {
                var beat = await stream.WaitAsync();
                var message = Collect(stream, beat);
                if (beat || message.Reports.Count > 0 || message.HasGuests)
                {
                    await SendAsync(message, stream);
                }
            }
        }
        finally
        {
            fleet.Tally.NoteStream(opened: false);
            lock (_gate)
            {
                _streams = [.. _streams.Where(other => other != stream)];
            }
        }
    }

    private async Task SendAsync(ObserveResponse message, ReportStream stream)
    {
        var at = clock.GetTimestamp();
        foreach (var report in message.Reports)
        {
            fleet.Tally.NoteReport(report.Role);
            if (report.Role is SessionRole.Source)
            {
                FindSource(report.MigrationId)?.Wire.NoteSent(report.Sequence, at);
            }
        }

        await stream.WriteAsync(message);
    }

    private ObserveResponse Collect(ReportStream stream, bool beat)
    {
        var message = new ObserveResponse { HostId = hostId, AgentInstanceId = _instanceId };
        lock (_gate)
        {
            return stream.Collect(message, beat ? _sessions.Values : [], _guests.Values);
        }
    }

    /// <summary>Everything has been sent: the guest stops here and runs on the target, agent to agent.</summary>
    private void End(SourceSession source, string targetEndpoint)
    {
        var ended = Change(source.MigrationId, _ =>
        {
            if (!source.Complete())
            {
                return false;
            }

            if (_guests.TryGetValue(source.GuestId, out var left))
            {
                left.RunState = RunState.Postmigrate;
                ChangedGuests_NeedsLock();
            }

            return true;
        });
        if (ended)
        {
            fleet.At(targetEndpoint)?.HandOver(source.MigrationId);
        }
    }

    /// <returns>False when there is no such session, or nothing changed.</returns>
    private bool Change(string migrationId, Func<ScriptedSession, bool> change)
    {
        lock (_gate)
        {
            if (!_sessions.TryGetValue(migrationId, out var session) || !change(session))
            {
                return false;
            }

            Hurry_NeedsLock(session, session.Report());
            return true;
        }
    }

    private ScriptedSession Session_NeedsLock(ExecuteRequest request)
    {
        if (_sessions.TryGetValue(request.MigrationId, out var session))
        {
            return session;
        }

        session = request.CommandCase switch
        {
            CommandCase.PrepareTarget => new TargetSession(request.MigrationId, request.PrepareTarget.GuestId, clock),
            CommandCase.StartSource => new SourceSession(
                request.MigrationId, request.StartSource.GuestId, fleet.PlanOf(request.StartSource.GuestId), clock),
            _ => throw CommandJournal.SessionUnknown(request.MigrationId),
        };
        _sessions[request.MigrationId] = session;
        return session;
    }

    private void MoveGuest_NeedsLock(ExecuteRequest request)
    {
        switch (request.CommandCase)
        {
            case CommandCase.PrepareTarget:
                var (guestId, spec) = (request.PrepareTarget.GuestId, request.PrepareTarget.Spec);
                _guests[guestId] = Guest(guestId, spec, RunState.Inmigrate);
                _guests[guestId].Incoming = true;
                ChangedGuests_NeedsLock();
                break;
            case CommandCase.HandOverTarget:
                Arrive_NeedsLock(_sessions[request.MigrationId].GuestId);
                break;
            case CommandCase.FinishSource or CommandCase.AbandonTarget:
                _guests.Remove(_sessions[request.MigrationId].GuestId);
                ChangedGuests_NeedsLock();
                break;
        }
    }

    private void Arrive_NeedsLock(string guestId)
    {
        if (_guests.TryGetValue(guestId, out var arrived) && arrived.Incoming)
        {
            (arrived.Incoming, arrived.RunState) = (false, RunState.Running);
            ChangedGuests_NeedsLock();
        }
    }

    private void ChangedGuests_NeedsLock()
    {
        foreach (var stream in _streams)
        {
            stream.GuestsDue = true;
            stream.Ring();
        }
    }

    private void Hurry_NeedsLock(ScriptedSession session, MigrationReport report)
    {
        foreach (var stream in _streams.Where(stream => stream.Hears(session)))
        {
            stream.Hurry(report);
        }
    }

    private static AgentGuest Guest(string guestId, MachineSpec spec, RunState runState)
    {
        var pinned = spec?.Clone() ?? new MachineSpec();
        pinned.MachineType = pinned.MachineType is "" or "q35" ? MachineType : pinned.MachineType;
        return new AgentGuest
        {
            GuestId = guestId,
            Spec = pinned,
            RunState = runState,
            Pid = 1,
            SerialSocket = "/scripted/serial.sock",
            EngineVersion = EngineVersion,
        };
    }
}
