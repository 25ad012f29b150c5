using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using Orchestrator.HostAgent.Host;
using Orchestrator.HostAgent.Migrations;
using Orchestrator.Qmp;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.HostAgent.Service;

/// <summary>Parses, asks, answers. Decides nothing.</summary>
internal sealed class AgentGrpcService(
    HostDescriber host, GuestControl control, GuestRegistry guests, SessionRegistry sessions, Observers observers)
    : AgentService.AgentServiceBase
{
    private static readonly TimeSpan s_longestGrace = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_usualInterval = TimeSpan.FromMilliseconds(250);

    public override Task<DescribeHostResponse> DescribeHost(DescribeHostRequest request, ServerCallContext context) =>
        Task.FromResult(new DescribeHostResponse { Description = host.Describe() });

    public override async Task<StartGuestResponse> StartGuest(StartGuestRequest request, ServerCallContext context)
    {
        Violations violations = new();
        violations.Name("guest_id", request.GuestId);
        var spec = MachineSpecCheck.Check("spec", request.Spec, violations);
        Sound(violations);
        return new StartGuestResponse
        {
            Guest = (await AskAsync(() => control.StartAsync(request.GuestId, spec, request.Paused, context.CancellationToken))).Describe(),
        };
    }

    public override async Task<StopGuestResponse> StopGuest(StopGuestRequest request, ServerCallContext context)
    {
        Violations violations = new();
        violations.Name("guest_id", request.GuestId);
        var grace = violations.Duration("grace", request.Grace, TimeSpan.Zero, s_longestGrace) ?? TimeSpan.Zero;
        Sound(violations);
        await AskAsync(async () =>
        {
            await control.StopAsync(request.GuestId, grace, context.CancellationToken);
            return true;
        });
        return new StopGuestResponse();
    }

    public override async Task<PauseGuestResponse> PauseGuest(PauseGuestRequest request, ServerCallContext context)
    {
        Named(request.GuestId);
        return new PauseGuestResponse { Guest = (await AskAsync(() => control.PauseAsync(request.GuestId, context.CancellationToken))).Describe() };
    }

    public override async Task<ResumeGuestResponse> ResumeGuest(ResumeGuestRequest request, ServerCallContext context)
    {
        Named(request.GuestId);
        return new ResumeGuestResponse { Guest = (await AskAsync(() => control.ResumeAsync(request.GuestId, context.CancellationToken))).Describe() };
    }

    public override Task<ListGuestsResponse> ListGuests(ListGuestsRequest request, ServerCallContext context) =>
        Task.FromResult(new ListGuestsResponse { Guests = { guests.All.Select(guest => guest.Describe()) } });

    public override Task<ExecuteResponse> Execute(ExecuteRequest request, ServerCallContext context)
    {
        Violations violations = new();
        var command = ExecuteRequestCheck.Check(request, violations);
        Sound(violations);
        return AskAsync(() => sessions.ExecuteAsync(command, context.CancellationToken));
    }

    public override Task<PollResponse> Poll(PollRequest request, ServerCallContext context)
    {
        if (request.MigrationId.Length == 0)
        {
            return Task.FromResult(new PollResponse { Reports = { sessions.PollUnacknowledged() } });
        }

        Violations violations = new();
        var migrationId = violations.Uuid("migration_id", request.MigrationId);
        Sound(violations);
        return Task.FromResult(new PollResponse { Reports = { sessions.Poll(migrationId) } });
    }

    public override async Task Observe(ObserveRequest request, IServerStreamWriter<ObserveResponse> responseStream, ServerCallContext context)
    {
        Violations violations = new();
        var interval = violations.Duration("interval", request.Interval, TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(60)) ?? s_usualInterval;
        if (request.ReplicaId.Length > 0)
        {
            violations.Uuid("replica_id", request.ReplicaId);
        }

        Sound(violations);
        using var listening = sessions.Listen(request.ReplicaId);
        await observers.ServeAsync(interval, request.ReplicaId, responseStream, context.CancellationToken);
    }

    public override async Task<HandOverResponse> HandOver(HandOverRequest request, ServerCallContext context)
    {
        Violations violations = new();
        violations.Uuid("migration_id", request.MigrationId);
        Sound(violations);
        if (request.SourceEngineStatus is not ("completed" or "postcopy-active"))
        {
            throw AgentErrors.ToRpc(AgentErrors.WrongState(
                $"A source whose engine says \"{request.SourceEngineStatus}\" has not stopped for good.", request.SourceEngineStatus).Refusal);
        }

        return new HandOverResponse { Report = await AskAsync(() => sessions.HandOverAsync(request, context.CancellationToken)) };
    }

    private static void Named(string guestId)
    {
        Violations violations = new();
        violations.Name("guest_id", guestId);
        Sound(violations);
    }

    private static void Sound(Violations violations)
    {
        if (violations.Any)
        {
            throw Refusal.InvalidRequest(violations);
        }
    }

    /// <summary>Every refusal leaves with its reason; what nobody planned is left to the server's interceptor.</summary>
    private static async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (AgentRefusedException refused)
        {
            throw AgentErrors.ToRpc(refused.Refusal);
        }
        catch (QmpException refused)
        {
            throw AgentErrors.ToRpc(AgentErrors.EngineRefused(refused.Description).Refusal);
        }
        catch (GuestUnreachableException gone) when (gone.Gone)
        {
            throw AgentErrors.ToRpc(AgentErrors.EngineRefused(gone.Message).Refusal);
        }
        catch (Exception lost) when (lost is QmpDisconnectedException or GuestUnreachableException)
        {
            throw AgentErrors.ToRpc(AgentErrors.EngineUnreachable(lost.Message).Refusal);
        }
    }
}
