using System.Diagnostics;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.Plant.Description;
using Orchestrator.Policy.Convergence;
using Orchestrator.PolicyMessages;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Policies;

/// <summary>Parses, asks <see cref="PolicyStore"/>, answers. Decides nothing.</summary>
internal sealed class PolicyGrpcService(PolicyStore policies, PolicySimulation simulation, TimeProvider clock) : PolicyService.PolicyServiceBase
{
    private const int UsualPage = 100;
    private const int LongestPage = 1000;

    public override async Task<CreatePolicyResponse> CreatePolicy(CreatePolicyRequest request, ServerCallContext context)
    {
        var document = ReadWrite(request.Name, request.Document, new Violations());
        var result = await policies.CreateAsync(request.Name, document, clock.GetUtcNow(), context.CancellationToken);
        return new CreatePolicyResponse { Policy = Answer(request.Name, 0, result) };
    }

    public override async Task<UpdatePolicyResponse> UpdatePolicy(UpdatePolicyRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        violations.Range("expected_revision", request.ExpectedRevision, 0, int.MaxValue);
        var document = ReadWrite(request.Name, request.Document, violations);
        var result = await policies.UpdateAsync(
            request.Name, document, (int)request.ExpectedRevision, clock.GetUtcNow(), context.CancellationToken);
        return new UpdatePolicyResponse { Policy = Answer(request.Name, request.ExpectedRevision, result) };
    }

    public override async Task<GetPolicyResponse> GetPolicy(GetPolicyRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        violations.Name("name", request.Name);
        violations.Range("revision", request.Revision, 0, int.MaxValue);
        Refuse(violations);
        var found = await policies.FindAsync(request.Name, (int)request.Revision, context.CancellationToken);
        return found is null
            ? throw (request.Revision == 0 ? PolicyErrors.Unknown(request.Name) : PolicyErrors.Unknown(request.Name, request.Revision))
            : new GetPolicyResponse { Policy = ToMessage(found) };
    }

    public override async Task<ListPoliciesResponse> ListPolicies(ListPoliciesRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var size = violations.PageSize("page_size", request.PageSize, UsualPage, LongestPage);
        var after = PageToken.Read(violations, "page_token", request.PageToken);
        Refuse(violations);

        // One more than asked for tells whether there is another page.
        var found = await policies.ListAsync(after, size + 1, request.IncludeDeleted, context.CancellationToken);
        return new ListPoliciesResponse
        {
            Policies = { found.Take(size).Select(ToMessage) },
            NextPageToken = found.Count > size ? PageToken.For(found[size - 1].Name) : "",
        };
    }

    public override async Task<ListPolicyRevisionsResponse> ListPolicyRevisions(
        ListPolicyRevisionsRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        violations.Name("name", request.Name);
        var size = violations.PageSize("page_size", request.PageSize, UsualPage, LongestPage);
        var token = PageToken.Read(violations, "page_token", request.PageToken);
        var below = int.MaxValue;
        if (token.Length > 0 && !int.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out below))
        {
            violations.Add("page_token", "is no token of an earlier page");
        }

        Refuse(violations);
        var found = await policies.ListRevisionsAsync(request.Name, below, size + 1, context.CancellationToken);
        if (found.Count == 0 && token.Length == 0)
        {
            throw PolicyErrors.Unknown(request.Name);
        }

        return new ListPolicyRevisionsResponse
        {
            Revisions = { found.Take(size).Select(ToMessage) },
            NextPageToken = found.Count > size ? PageToken.For(found[size - 1].Revision.ToString(CultureInfo.InvariantCulture)) : "",
        };
    }

    public override async Task<DeletePolicyResponse> DeletePolicy(DeletePolicyRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        violations.Name("name", request.Name);
        Refuse(violations);
        return await policies.DeleteAsync(request.Name, context.CancellationToken) switch
        {
            DeletePolicyOutcome.Deleted => new DeletePolicyResponse(),
            DeletePolicyOutcome.Unknown => throw PolicyErrors.Unknown(request.Name),
            DeletePolicyOutcome.IsPreset => throw PolicyErrors.IsPreset(request.Name),
        };
    }

    public override Task<ValidatePolicyResponse> ValidatePolicy(ValidatePolicyRequest request, ServerCallContext context)
    {
        PolicyDocumentParser.Parse(request.Document, out var violations);
        return Task.FromResult(new ValidatePolicyResponse
        {
            Violations =
            {
                violations.Found.Select(found => new PolicyViolation { Field = found.Field, Description = found.Description }),
            },
        });
    }

    public override async Task<SimulateResponse> Simulate(SimulateRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var document = request.Document is null ? null : Document(request.Document, violations);
        if (request.Policy.Length > 0 == request.Document is not null)
        {
            violations.Add("policy", "or document must be given: a stored policy, or a document of its own");
        }
        else if (request.Policy.Length > 0)
        {
            violations.Name("policy", request.Policy);
        }

        violations.Range("revision", request.Revision, 0, request.Policy.Length > 0 ? (ulong)int.MaxValue : 0);
        var migration = DescriptionParser.Parse(request.Migration, "migration.", violations);
        Refuse(violations);
        document ??= await StoredAsync(request.Policy, request.Revision, context.CancellationToken);
        return new SimulateResponse
        {
            Run = await simulation.RunAsync(
                document, migration ?? throw new UnreachableException("A description without violations is one."), context.CancellationToken),
        };
    }

    private async Task<ConvergenceDocument> StoredAsync(string name, uint revision, CancellationToken cancellation)
    {
        var found = await policies.FindAsync(name, (int)revision, cancellation);
        return found is null
            ? throw (revision == 0 ? PolicyErrors.Unknown(name) : PolicyErrors.Unknown(name, revision))
            : PolicyDocumentParser.ParseStored(found.Document);
    }

    private static ConvergenceDocument? Document(PolicyDocument document, Violations violations)
    {
        var parsed = PolicyDocumentParser.Parse(document, out var inDocument);
        foreach (var found in inDocument.Found)
        {
            violations.Add($"document.{found.Field}", found.Description);
        }

        return parsed;
    }

    /// <summary>Refuses with everything that is wrong with the request and its document.</summary>
    /// <returns>The document as it will be stored, without what its messages do not define.</returns>
    private static PolicyDocument ReadWrite(string name, PolicyDocument? document, Violations violations)
    {
        violations.Name("name", name);
        Document(document ?? new PolicyDocument(), violations);
        Refuse(violations);
        return ProtoJson.Read<PolicyDocument>(ProtoJson.Write(document ?? new PolicyDocument()));
    }

    private static void Refuse(Violations violations)
    {
        if (violations.Any)
        {
            throw Refusal.InvalidRequest(violations);
        }
    }

    private static V1.Policy Answer(string name, uint expectedRevision, WritePolicyResult result) => result switch
    {
        { Outcome: WritePolicyOutcome.Written or WritePolicyOutcome.WrittenBefore, Policy: { } policy } => ToMessage(policy),
        { Outcome: WritePolicyOutcome.Exists } => throw PolicyErrors.Exists(name),
        { Outcome: WritePolicyOutcome.Unknown } => throw PolicyErrors.Unknown(name),
        { Outcome: WritePolicyOutcome.Stale } => throw PolicyErrors.RevisionStale(name, expectedRevision),
        { Outcome: WritePolicyOutcome.IsPreset } => throw PolicyErrors.IsPreset(name),
        _ => throw new UnreachableException($"A written policy is missing: {result.Outcome}."),
    };

    private static V1.Policy ToMessage(StoredPolicy policy) => new()
    {
        Name = policy.Name,
        Revision = (uint)policy.Revision,
        Document = policy.Document,
        CreatedAt = policy.CreatedAt.ToTimestamp(),
        Preset = policy.Preset,
        Deleted = policy.Deleted,
    };
}
