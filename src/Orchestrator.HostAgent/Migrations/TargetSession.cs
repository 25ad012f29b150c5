using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using Orchestrator.HostAgent.Service;
using Orchestrator.Qmp;
using CommandCase = Orchestrator.Agent.V1.ExecuteRequest.CommandOneofCase;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>The side that the guest moves to: starts an engine for it, takes it over, or throws it away.</summary>
internal sealed class TargetSession : MigrationSession
{
    private readonly GuestRegistry _guests;
    private readonly GuestLauncher _launcher;
    private readonly TargetFollower _follower;

    public TargetSession(SessionLog log, GuestRegistry guests, GuestLauncher launcher, SessionPace pace, ILogger logger)
        : base(log, pace.Clock, logger)
    {
        _guests = guests;
        _launcher = launcher;
        _follower = new TargetFollower(this, log, pace, logger);
    }

    internal Guest? TargetGuest => FindGuest();

    internal Task<QemuMonitor> TargetMonitorAsync(CancellationToken cancellation) => MonitorAsync(cancellation);

    /// <summary>From the source's agent. Refused or carried out, it is not one of the fenced commands, and they do not wait for it.</summary>
    public async Task<MigrationReport> HandOverAsync(HandOverRequest request, CancellationToken cancellation)
    {
        if (request.Epoch < Record.OpeningEpoch)
        {
            throw AgentErrors.EpochStale(request.Epoch, Record.OpeningEpoch);
        }

        await _follower.TakeOverAsync(request.Epoch, request.SourceEngineStatus, Closing).WaitAsync(cancellation);
        return Publish(urgent: true, []);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _follower.DisposeAsync();
    }

    protected override Guest? FindGuest() => _guests.Find(Record.GuestId);

    protected override bool Opens(ExecuteRequest request) =>
        request.CommandCase == CommandCase.PrepareTarget && Record.State is SessionState.Unspecified or SessionState.Closed;

    protected override Task OpenAsync(ExecuteRequest request, CancellationToken cancellation)
    {
        var prepare = request.PrepareTarget;
        if (_guests.Find(prepare.GuestId) is { RunState.ProcessEnded: false } present)
        {
            throw AgentErrors.GuestPresent(prepare.GuestId, present.Record.Incoming ? "it waits for another migration" : present.RunState.Text);
        }

        if (prepare.Terms.PostCopyPossible && prepare.Spec.VfioDevices.Count > 0)
        {
            throw AgentErrors.CapabilityMissing("postcopy-ram", "The guest has VFIO devices, whose memory cannot be fetched after the switch-over.");
        }

        Log.Write(at => new JournalEntry.Opened(
            at, Guid.Parse(request.MigrationId), SessionRole.Target, prepare.GuestId, "", WasRunning: prepare.RunAfter));
        return Task.CompletedTask;
    }

    protected override void Check(SessionRecord record, ExecuteRequest request)
    {
        switch (request.CommandCase)
        {
            case CommandCase.PrepareTarget:
                Require(record, record.State == SessionState.Opening, "it was prepared already");
                break;
            case CommandCase.RecoverTarget:
                Require(record, record.State == SessionState.Running, "it is not in post-copy");
                break;
            case CommandCase.HandOverTarget:
                Require(record, record is { State: not SessionState.Closed, AbandonRequested: false } or { HandOver: not null }, "it was abandoned");
                break;
            case CommandCase.FinishTarget:
                Require(record, record is { HandOver: not null, Outcome: SessionOutcome.Completed }, "the guest has not come here for good");
                break;
            case CommandCase.AbandonTarget:
                Require(
                    record,
                    record is { HandOver: null, ResumedAt: null, PostCopySeen: false },
                    "the guest is here, or part of it is and the rest can only follow");
                break;
            default:
                throw new UnreachableException($"{request.CommandCase} is no command for a target.");
        }
    }

    protected override Task PerformAsync(ExecuteRequest request, CancellationToken cancellation) => request.CommandCase switch
    {
        CommandCase.PrepareTarget => PrepareAsync(request.PrepareTarget, cancellation),
        CommandCase.RecoverTarget => RecoverAsync(request.RecoverTarget, cancellation),
        CommandCase.HandOverTarget => _follower.TakeOverAsync(request.Epoch, TargetFollower.ByCommand, cancellation),
        CommandCase.FinishTarget => FinishTargetAsync(),
        CommandCase.AbandonTarget => AbandonAsync(cancellation),
        _ => throw new UnreachableException($"{request.CommandCase} is no command for a target."),
    };

    protected override Task FollowAsync(CancellationToken cancellation) => _follower.RunAsync(cancellation);

    private static void Require(SessionRecord record, bool allowed, string otherwise)
    {
        if (!allowed)
        {
            throw AgentErrors.WrongState(
                $"The target of migration {record.MigrationId} is {record.State} ({record.EngineStatus}): {otherwise}.",
                record.State.ToString().ToUpperInvariant());
        }
    }

    private async Task PrepareAsync(PrepareTarget prepare, CancellationToken cancellation)
    {
        try
        {
            await LaunchAsync(prepare, cancellation);
            var monitor = await MonitorAsync(cancellation);
            if ((await monitor.QueryMigrateAsync(cancellation)).SocketAddresses is [])
            {
                await monitor.SetCapabilitiesAsync(EngineTerms.Capabilities(prepare.Terms, monitor, SessionRole.Target), cancellation);
                await monitor.MigrateIncomingAsync(Uri(prepare.Port), cancellation);
            }

            await ListenAsync(monitor, cancellation);
        }
        catch (Exception failure) when (failure is AgentRefusedException or QmpException or GuestUnreachableException)
        {
            await CleanUpAsync(SessionOutcome.Failed, failure.Message, cancellation);
            throw failure is QmpException refused ? AgentErrors.EngineRefused(refused.Description) : failure;
        }

        Follow();
    }

    /// <summary>Starts the incoming engine, unless it is there since an agent died in the middle of this.</summary>
    private async Task LaunchAsync(PrepareTarget prepare, CancellationToken cancellation)
    {
        using var turn = await _guests.EnterSoonAsync(prepare.GuestId, cancellation);
        if (_guests.Find(prepare.GuestId) is { } present)
        {
            if (!present.RunState.ProcessEnded && present.Record.Incoming && present.Occupation?.MigrationId == Record.MigrationId)
            {
                return;
            }

            if (!present.RunState.ProcessEnded)
            {
                throw AgentErrors.GuestPresent(prepare.GuestId, present.RunState.Text);
            }

            // What is left of a guest whose process ended.
            await _guests.RemoveAsync(present, cancellation);
        }

        // Before anybody else may look at it.
        var guest = await _launcher.LaunchAsync(prepare.GuestId, prepare.Spec, GuestStart.Incoming, cancellation);
        guest.TryOccupy(new GuestOccupation(Record.MigrationId, SessionRole.Target, NonLive: false));
    }

    private async Task ListenAsync(QemuMonitor monitor, CancellationToken cancellation)
    {
        // QEMU puts the newest address first.
        var info = await monitor.QueryMigrateAsync(cancellation);
        if (info.SocketAddresses is not [{ Port: { Length: > 0 } port }, ..])
        {
            throw AgentErrors.EngineRefused($"The engine listens nowhere: {info.ErrorDescription ?? info.StatusText}");
        }

        Log.Write(at => new JournalEntry.Listening(at, $"tcp:{Host()}:{port}"));
    }

    /// <summary>QEMU itself looks for the first free port of a range (qapi/sockets.json, InetSocketAddress.to).</summary>
    private string Uri(uint port) => port == 0 && _launcher.MigrationPorts is { } range
        ? $"tcp:{Host()}:{range.First},to={range.Last}"
        : $"tcp:{Host()}:{port}";

    private string Host()
    {
        IPAddress address = _launcher.MigrationAddress;
        return address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();
    }

    private async Task RecoverAsync(RecoverTarget recover, CancellationToken cancellation)
    {
        var monitor = await MonitorAsync(cancellation);
        var migration = await monitor.QueryMigrateAsync(cancellation);
        if (migration.Status != MigrationStatus.PostcopyPaused)
        {
            throw AgentErrors.WrongState($"The engine is {migration.StatusText}; there is nothing to recover.", migration.StatusText ?? "");
        }

        await monitor.MigrateRecoverAsync(Uri(recover.Port), cancellation);
        await ListenAsync(monitor, cancellation);
    }

    private Task FinishTargetAsync()
    {
        Log.Write(at => new JournalEntry.Closed(at));
        Occupy(FindGuest());
        return Task.CompletedTask;
    }

    private Task AbandonAsync(CancellationToken cancellation) => CleanUpAsync(SessionOutcome.Cancelled, "", cancellation);

    private async Task CleanUpAsync(SessionOutcome outcome, string error, CancellationToken cancellation)
    {
        if (FindGuest() is { Record.Incoming: true } incoming && incoming.Occupation?.MigrationId == Record.MigrationId)
        {
            using var turn = await _guests.EnterAsync(incoming.Id, cancellation);
            await _guests.RemoveAsync(incoming, cancellation);
        }

        Log.TryWrite((record, at) => record.HasEnded ? null : new JournalEntry.Ended(at, outcome, error, null));
        Log.TryWrite((record, at) => record.State == SessionState.Closed ? null : new JournalEntry.Closed(at));
    }
}
