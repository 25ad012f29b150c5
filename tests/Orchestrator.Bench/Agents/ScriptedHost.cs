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

    private readonly Lock _gate = new();
    private readonly Dictionary<string, AgentGuest> _guests = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ScriptedSession> _sessions = new(StringComparer.Ordinal);
    private readonly List<MigrationReport> _urgent = [];
    private readonly string _instanceId = Guid.NewGuid().ToString();
    private ReportBell? _bell;
    private bool _guestsChanged;

    public string HostId => hostId;

    public HostDescription Describe() => new()
    {
        HostId = hostId,
        AgentVersion = "scripted",
        AgentInstanceId = _instanceId,
        MemoryTotalBytes = 4UL << 40,
        MemoryAvailableBytes = 4UL << 40,
        Cpus = 128,
        CpuModel = "scripted",
        KernelRelease = "scripted",
        MigrationAddress = "127.0.0.1",
        Engines = { new EngineDescription { Kind = "qemu", Version = EngineVersion, Program = "qemu-system-x86_64", Accelerators = { "tcg" } } },
    };

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
            _urgent.Add(answer.Report);
            _bell?.Ring();
        }

        if (request.CommandCase is CommandCase.StartSource)
        {
            fleet.Connect(request.MigrationId);
        }

        return answer;
    }

    /// <summary>The other side has connected to the session here, if there is one.</summary>
    public void Receive(string migrationId)
    {
        lock (_gate)
        {
            if (_sessions.TryGetValue(migrationId, out var session) && session is TargetSession target)
            {
                target.Receive();
                _urgent.Add(target.Report());
                _bell?.Ring();
            }
        }
    }

    public IReadOnlyList<MigrationReport> Poll(string migrationId)
    {
        lock (_gate)
        {
            // A report that is polled is not sent on the stream, so it has the number of the last one that was.
            return [.. _sessions.Values.Where(session => migrationId.Length == 0 ? session.IsReported : session.MigrationId == migrationId)
                .Select(session => Sent_NeedsLock(session))];
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
    public async Task ObserveAsync(TimeSpan interval, IServerStreamWriter<ObserveResponse> observer, CancellationToken cancellation)
    {
        using var bell = new ReportBell(interval, fleet.Tally, clock);
        lock (_gate)
        {
            _bell = bell;
            _guestsChanged = true;
            _urgent.Clear();
        }

        while (true)
        {
            var beat = await bell.WaitAsync(cancellation);
            var message = Collect(beat);
            if (beat || message.Reports.Count > 0 || message.HasGuests)
            {
                await SendAsync(message, observer, cancellation);
            }
        }
    }

    private async Task SendAsync(ObserveResponse message, IServerStreamWriter<ObserveResponse> observer, CancellationToken cancellation)
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

        await observer.WriteAsync(message, cancellation);
    }

    private ObserveResponse Collect(bool beat)
    {
        var message = new ObserveResponse { HostId = hostId, AgentInstanceId = _instanceId };
        lock (_gate)
        {
            message.Reports.AddRange(_urgent);
            _urgent.Clear();
            if (beat)
            {
                message.Reports.AddRange(_sessions.Values.Where(session => session.IsReported).Select(session => session.Report()));
            }

            if (_guestsChanged)
            {
                _guestsChanged = false;
                message.HasGuests = true;
                message.Guests.AddRange(_guests.Values.Select(guest => guest.Clone()));
            }
        }

        return message;
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
                break;
            case CommandCase.HandOverTarget when _guests.TryGetValue(_sessions[request.MigrationId].GuestId, out var arrived):
                (arrived.Incoming, arrived.RunState) = (false, RunState.Running);
                break;
            case CommandCase.FinishSource or CommandCase.AbandonTarget:
                _guests.Remove(_sessions[request.MigrationId].GuestId);
                break;
            default:
                return;
        }

        ChangedGuests_NeedsLock();
    }

    private void ChangedGuests_NeedsLock()
    {
        _guestsChanged = true;
        _bell?.Ring();
    }

    private static MigrationReport Sent_NeedsLock(ScriptedSession session) => session.LastReport ?? session.Report();

    private static AgentGuest Guest(string guestId, MachineSpec spec, RunState runState) => new()
    {
        GuestId = guestId,
        Spec = spec,
        RunState = runState,
        Pid = 1,
        SerialSocket = "/scripted/serial.sock",
        EngineVersion = EngineVersion,
    };
}
