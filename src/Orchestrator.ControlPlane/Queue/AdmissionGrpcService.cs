using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.ControlPlane.Placement;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>Parses, asks, answers. Decides nothing.</summary>
internal sealed class AdmissionGrpcService(
    LimitsStore limits, QueueStandings standings, PlacementExplanations explanations, TimeProvider clock) : AdmissionService.AdmissionServiceBase
{
    private const string Domain = "orchestrator.v1";
    private const int MaxChangedByCharacters = 500;
    private const int MaxClassCharacters = 63;

    public override async Task<GetLimitsResponse> GetLimits(GetLimitsRequest request, ServerCallContext context)
    {
        var stored = await limits.ReadAsync(context.CancellationToken);
        return new GetLimitsResponse
        {
            Limits = stored.Message,
            Revision = (ulong)stored.Revision,
            ChangedAt = stored.ChangedAt.ToTimestamp(),
            ChangedBy = stored.ChangedBy,
        };
    }

    public override async Task<UpdateLimitsResponse> UpdateLimits(UpdateLimitsRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var expected = violations.Range("expected_revision", request.ExpectedRevision, 0, long.MaxValue);
        var changedBy = violations.Text("changed_by", request.ChangedBy, MaxChangedByCharacters);
        if (request.Limits is null)
        {
            violations.Add("limits", "is missing; give the whole of them");
        }

        // Through JSON, so that fields this release does not know are not taken over. A duration that is none has no JSON.
        var wanted = request.Limits ?? new AdmissionLimits();
        Find(wanted, violations);
        Refuse(violations);
        wanted = ProtoJson.Read<AdmissionLimits>(ProtoJson.Write(wanted));
        var result = await limits.UpdateAsync(wanted, expected, changedBy, clock.GetUtcNow(), context.CancellationToken);
        foreach (var violation in result.Violations)
        {
            violations.Add($"limits.{violation.Field}", violation.Description);
        }

        Refuse(violations);
        return result is { Outcome: UpdateLimitsOutcome.Written or UpdateLimitsOutcome.WrittenBefore, Stored: { } stored }
            ? new UpdateLimitsResponse { Limits = stored.Message, Revision = (ulong)stored.Revision }
            : throw Refusal.Because(
                StatusCode.Aborted,
                Domain,
                "LIMITS_STALE",
                $"Somebody wrote newer limits than revision {request.ExpectedRevision}. Read them and decide again.",
                ("expected_revision", $"{request.ExpectedRevision}"),
                ("revision", $"{result.Stored?.Revision}"));
    }

    public override async Task<ListQueueResponse> ListQueue(ListQueueRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var size = violations.PageSize("page_size", request.PageSize, 100, 1000);
        violations.Text("priority_class", request.PriorityClass, MaxClassCharacters);
        var after = ReadPosition(violations, request.PageToken);
        Refuse(violations);
        var view = await standings.ReadAsync(null, context.CancellationToken);

        // The order moves on between pages: a page begins after whom the last one ended with, or where he would be.
        var known = after is var (_, last) && view.Standings.TryGetValue(last, out var there) ? there.Position : after?.Position ?? 0;
        var found = view.Queue.Where(entry => entry.Standing.Position > known
            && (request.PriorityClass.Length == 0 || entry.Row.PriorityClass == request.PriorityClass)).Take(size + 1).ToList();
        return new ListQueueResponse
        {
            Queue = { found.Take(size).Select(entry => QueueMessages.Queued(entry.Row, entry.Standing)) },
            NextPageToken = found.Count > size
                ? PageToken.For(string.Create(
                    CultureInfo.InvariantCulture, $"{found[size - 1].Standing.Position}/{found[size - 1].Row.MigrationId}"))
                : "",
            Total = (uint)view.Queue.Count,
        };
    }

    public override async Task<ExplainPlacementResponse> ExplainPlacement(ExplainPlacementRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var guestId = violations.Name("guest_id", request.GuestId);
        Refuse(violations);
        var stored = await limits.ReadAsync(context.CancellationToken);
        return await explanations.ExplainAsync(guestId, stored.Limits.FailureMemory, context.CancellationToken);
    }

    private static (int Position, Guid MigrationId)? ReadPosition(Violations violations, string token)
    {
        var key = PageToken.Read(violations, "page_token", token);
        if (key.Length == 0)
        {
            return null;
        }

        if (key.Split('/') is [var position, var id] && int.TryParse(position, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && Guid.TryParse(id, out var migrationId))
        {
            return (number, migrationId);
        }

        violations.Add("page_token", "is no token of an earlier page");
        return null;
    }

    /// <summary>Everything that can be seen without the tables.</summary>
    private static void Find(AdmissionLimits wanted, Violations violations)
    {
        var read = LimitsMessage.Read(wanted, violations);
        foreach (var violation in Policy.Admission.LimitRules.Violations(read))
        {
            violations.Add($"limits.{violation.Field}", violation.Description);
        }
    }

    private static void Refuse(Violations violations)
    {
        if (violations.Any)
        {
            throw Refusal.InvalidRequest(violations);
        }
    }
}
