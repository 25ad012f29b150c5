using System.Globalization;
using Grpc.Core;
using Orchestrator.ControlPlane.Evacuations.Admission;
using Orchestrator.ControlPlane.Evacuations.Ledger;
using Orchestrator.ControlPlane.Evacuations.Watching;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using PolicyMode = Orchestrator.Policy.Evacuation.EvacuationCancelMode;

namespace Orchestrator.ControlPlane.Evacuations;

/// <summary>Parses, asks, answers. Decides nothing.</summary>
internal sealed class EvacuationGrpcService(
    EvacuationAdmission admission, EvacuationStore evacuations, EvacuationWishes wishes, EvacuationWatch watch)
    : EvacuationService.EvacuationServiceBase
{
    private const int UsualPage = 100;
    private const int LongestPage = 1000;

    public override async Task<PlanEvacuationResponse> PlanEvacuation(PlanEvacuationRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        EvacuationSpecParser.Check(request.Spec, violations, "spec");
        Refuse(violations);
        return new PlanEvacuationResponse { Plan = await admission.PlanAsync(request.Spec, context.CancellationToken) };
    }

    public override async Task<StartEvacuationResponse> StartEvacuation(StartEvacuationRequest request, ServerCallContext context)
    {
        if (!StartEvacuationCommand.TryParse(request, out var command, out var violations))
        {
            throw Refusal.InvalidRequest(violations);
        }

        return new StartEvacuationResponse { Evacuation = EvacuationMessages.Of(await admission.StartAsync(command, context.CancellationToken)) };
    }

    public override async Task<GetEvacuationResponse> GetEvacuation(GetEvacuationRequest request, ServerCallContext context)
    {
        var evacuationId = ReadId(request.EvacuationId);
        return new GetEvacuationResponse
        {
            Evacuation = EvacuationMessages.Of(
                await evacuations.FindAsync(evacuationId, context.CancellationToken) ?? throw EvacuationErrors.Unknown(evacuationId)),
        };
    }

    public override async Task<ListEvacuationsResponse> ListEvacuations(ListEvacuationsRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var size = violations.PageSize("page_size", request.PageSize, UsualPage, LongestPage);
        var before = ReadKey(violations, request.PageToken);
        Refuse(violations);

        // One more than asked for tells whether there is another page.
        var found = await evacuations.ListAsync(request.RunningOnly, before, size + 1, context.CancellationToken);
        var page = found.Take(size).Select(EvacuationMessages.Of).ToList();
        page.ForEach(evacuation => evacuation.Plan = null);
        return new ListEvacuationsResponse
        {
            Evacuations = { page },
            NextPageToken = found.Count > size
                ? PageToken.For(FormattableString.Invariant($"{found[size - 1].CreatedAt:O}/{found[size - 1].EvacuationId}"))
                : "",
        };
    }

    public override async Task WatchEvacuation(
        WatchEvacuationRequest request, IServerStreamWriter<WatchEvacuationResponse> responseStream, ServerCallContext context)
    {
        var evacuationId = ReadId(request.EvacuationId);
        if (!await watch.FollowAsync(
            evacuationId,
            evacuation => responseStream.WriteAsync(
                new WatchEvacuationResponse { Evacuation = EvacuationMessages.Of(evacuation) }, context.CancellationToken),
            context.CancellationToken))
        {
            throw EvacuationErrors.Unknown(evacuationId);
        }
    }

    public override async Task<PauseEvacuationResponse> PauseEvacuation(PauseEvacuationRequest request, ServerCallContext context) => new()
    {
        Evacuation = EvacuationMessages.Of(await wishes.PauseAsync(ReadId(request.EvacuationId), "", context.CancellationToken)),
    };

    public override async Task<ResumeEvacuationResponse> ResumeEvacuation(ResumeEvacuationRequest request, ServerCallContext context) => new()
    {
        Evacuation = EvacuationMessages.Of(await wishes.ResumeAsync(ReadId(request.EvacuationId), context.CancellationToken)),
    };

    public override async Task<CancelEvacuationResponse> CancelEvacuation(CancelEvacuationRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var evacuationId = violations.Uuid("evacuation_id", request.EvacuationId);
        var reason = violations.Text("reason", request.Reason, EvacuationSpecParser.MaxReasonCharacters);
        if (request.Mode is not (EvacuationCancelMode.Unspecified or EvacuationCancelMode.StopHere or EvacuationCancelMode.BringBack))
        {
            violations.Add("mode", $"must be EVACUATION_CANCEL_MODE_STOP_HERE or EVACUATION_CANCEL_MODE_BRING_BACK, is {(int)request.Mode}");
        }

        Refuse(violations);
        var mode = request.Mode is EvacuationCancelMode.BringBack ? PolicyMode.BringBack : PolicyMode.StopHere;
        return new CancelEvacuationResponse
        {
            Evacuation = EvacuationMessages.Of(await wishes.CancelAsync(evacuationId, mode, reason, context.CancellationToken)),
        };
    }

    private static EvacuationKey? ReadKey(Violations violations, string token)
    {
        var text = PageToken.Read(violations, "page_token", token);
        if (text.Length == 0)
        {
            return null;
        }

        if (text.Split('/') is [var at, var id]
            && DateTimeOffset.TryParseExact(at, "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out var createdAt)
            && Guid.TryParseExact(id, "D", out var evacuationId))
        {
            return new EvacuationKey(createdAt, evacuationId);
        }

        violations.Add("page_token", "is no token of an earlier page");
        return null;
    }

    private static Guid ReadId(string text)
    {
        var violations = new Violations();
        var evacuationId = violations.Uuid("evacuation_id", text);
        Refuse(violations);
        return evacuationId;
    }

    private static void Refuse(Violations violations)
    {
        if (violations.Any)
        {
            throw Refusal.InvalidRequest(violations);
        }
    }
}
