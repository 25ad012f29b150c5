using Grpc.Core;
using Orchestrator.ControlPlane.Evacuations.Conducting;
using Orchestrator.ControlPlane.Evacuations.Ledger;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.Policy.Evacuation;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Evacuations.Admission;

/// <summary>Plans evacuations and starts them: checks, and writes them down for whichever replica takes them up. Moves nothing itself.</summary>
internal sealed class EvacuationAdmission(
    EvacuationStore evacuations, EvacuationHosts hosts, GuestStore guests, CharterReader charters, EvacuationReader reader, TimeProvider clock)
{
    /// <param name="spec">Found sound.</param>
    /// <exception cref="RpcException">The refusals of PlanEvacuation in evacuations.proto.</exception>
    public async Task<V1.EvacuationPlan> PlanAsync(EvacuationSpec spec, CancellationToken cancellation)
    {
        var now = Now();
        var charter = await CharterAsync(spec, now, cancellation);
        await RefuseUnknownGuestsAsync(spec, cancellation);
        return EvacuationMessages.Of(await PlanAsync(spec, charter, now, cancellation));
    }

    /// <summary>The same request again is the same evacuation, whatever has become of it.</summary>
    /// <exception cref="RpcException">The refusals of StartEvacuation in evacuations.proto.</exception>
    public Task<Evacuation> StartAsync(StartEvacuationCommand command, CancellationToken cancellation) =>
        StartAsync(command, spec => RefuseUnknownGuestsAsync(spec, cancellation), cancellation);

    /// <summary>The same for what was asked for long ago: a guest that an override names may be gone meanwhile.</summary>
    /// <exception cref="RpcException">The refusals of StartEvacuation in evacuations.proto, but for GUEST_UNKNOWN.</exception>
    public Task<Evacuation> StartScheduledAsync(StartEvacuationCommand command, CancellationToken cancellation) =>
        StartAsync(command, _ => Task.CompletedTask, cancellation);

    private async Task<Evacuation> StartAsync(
        StartEvacuationCommand command, Func<EvacuationSpec, Task> checkGuests, CancellationToken cancellation)
    {
        while (true)
        {
            if (await evacuations.FindAsync(command.EvacuationId, cancellation) is { } before)
            {
                return command.Request.Equals(before.Request) ? before : throw EvacuationErrors.Exists(command.EvacuationId);
            }

            var now = Now();
            var charter = await CharterAsync(command.Request.Spec, now, cancellation);
            await checkGuests(command.Request.Spec);
            var plan = await PlanAsync(command.Request.Spec, charter, now, cancellation);
            var evacuation = new Evacuation
            {
                EvacuationId = command.EvacuationId,
                Request = command.Request,
                State = EvacuationConductor.Start(charter.Terms),
                Plan = EvacuationMessages.Of(plan),
                PlannedAt = now,
                CreatedAt = now,
            };
            if (await evacuations.StartAsync(evacuation, cancellation) is EvacuationStart.AlreadyEvacuating)
            {
                // Somebody was faster. When that one has ended meanwhile, there is nothing in the way any more.
                await hosts.RefuseBusyAsync(charter.Terms.HostIds, cancellation);
            }
        }
    }

    /// <summary>The refusals, in the order in which a caller mends them.</summary>
    private async Task<EvacuationCharter> CharterAsync(EvacuationSpec spec, DateTimeOffset now, CancellationToken cancellation)
    {
        var violations = new Violations();
        if (spec.Deadline?.ToDateTimeOffset() <= now)
        {
            violations.Add("spec.deadline", FormattableString.Invariant($"must lie ahead; it is {now:u} now"));
        }

        await hosts.CheckClassAsync(EvacuationScope.ClassOf(spec), violations, cancellation);
        if (violations.Any)
        {
            throw Refusal.InvalidRequest(violations);
        }

        var charter = await charters.ReadAsync(spec, await hosts.ResolveAsync(spec, cancellation), cancellation);
        return charter.UnknownPolicies.Count == 0 ? charter : throw EvacuationErrors.PolicyUnknown(charter.UnknownPolicies);
    }

    /// <summary>A name that was mistyped would be an override that nobody follows.</summary>
    private async Task RefuseUnknownGuestsAsync(EvacuationSpec spec, CancellationToken cancellation)
    {
        if (spec.Overrides.Count > 0
            && await guests.ListUnknownAsync([.. spec.Overrides.Select(wish => wish.GuestId)], cancellation) is { Count: > 0 } unknown)
        {
            throw EvacuationErrors.GuestUnknown(unknown);
        }
    }

    private async Task<Policy.Evacuation.EvacuationPlan> PlanAsync(
        EvacuationSpec spec, EvacuationCharter charter, DateTimeOffset now, CancellationToken cancellation) =>
        EvacuationPlanner.Plan(charter.Terms, await reader.ReadFleetAsync(spec, charter, cancellation), now);

    // To the microsecond, as the database keeps it.
    private DateTimeOffset Now() => clock.GetUtcNow() is var now ? now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond)) : now;
}
