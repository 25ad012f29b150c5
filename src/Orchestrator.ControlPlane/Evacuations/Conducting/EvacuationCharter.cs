using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Evacuation;
using Orchestrator.PolicyMessages;
using Orchestrator.V1;
using GuestTreatment = Orchestrator.Policy.Evacuation.GuestTreatment;

namespace Orchestrator.ControlPlane.Evacuations.Conducting;

/// <summary>What was asked for, with the policies that it names looked up.</summary>
/// <param name="Policies">By name: those it names, and those that follow in their own terms for retries.</param>
/// <param name="UnknownPolicies">Named and not there, or deleted.</param>
internal sealed record EvacuationCharter(
    EvacuationTerms Terms, IReadOnlyDictionary<string, ConvergenceDocument> Policies, IReadOnlyList<string> UnknownPolicies)
{
    /// <summary>The policy of a guest's first attempt; null when it is not there.</summary>
    public ConvergenceDocument? PolicyOf(string guestId) => Policies.GetValueOrDefault(Terms.Of(guestId).Policy ?? Terms.Policy);
}

/// <summary>Turns a spec that was found sound into the conductor's terms.</summary>
internal sealed class CharterReader(PolicyStore policies, IOptions<DefaultPolicyOptions> defaults, IOptions<EvacuationOptions> options)
{
    private const string PostCopy = "post-copy";
    private const int UsualAttempts = 4;

    private static readonly TimeSpan s_usualBackoff = TimeSpan.FromSeconds(10);

    public async Task<EvacuationCharter> ReadAsync(EvacuationSpec spec, IReadOnlyList<string> hostIds, CancellationToken cancellation)
    {
        var first = spec.Policy.Length > 0 ? spec.Policy : defaults.Value.DefaultPolicy;
        Dictionary<string, ConvergenceDocument> found = new(StringComparer.Ordinal);
        List<string> unknown = [];
        foreach (var name in Named(spec, first))
        {
            if (await policies.FindAsync(name, 0, cancellation) is { } policy)
            {
                found[name] = PolicyDocumentParser.ParseStored(policy.Document);
                if (!policy.Deleted)
                {
                    continue;
                }
            }

            unknown.Add(name);
        }

        await FollowAsync(found, cancellation);
        return new EvacuationCharter(Terms(spec, hostIds, first, found), found, unknown);
    }

    private EvacuationTerms Terms(
        EvacuationSpec spec, IReadOnlyList<string> hostIds, string first, Dictionary<string, ConvergenceDocument> found) => new()
        {
            HostIds = hostIds,
            MaxHostsOut = spec.MaxHostsOut,
            Policy = first,
            RetryPolicies = [.. spec.RetryPolicies],
            MaxDowntime = spec.MaxDowntime?.ToTimeSpan(),
            Deadline = spec.Deadline?.ToDateTimeOffset(),
            MaxAttempts = spec.MaxAttempts > 0 ? spec.MaxAttempts : UsualAttempts,
            Backoff = spec.Backoff?.ToTimeSpan() ?? s_usualBackoff,
            Overrides = spec.Overrides.ToDictionary(wish => wish.GuestId, Terms, StringComparer.Ordinal),
            PolicyRetries = found.Where(policy => policy.Value.Retry is not null)
            .ToDictionary(policy => policy.Key, policy => Retry(spec, policy.Value, found), StringComparer.Ordinal),
            StuckPatience = options.Value.StuckPatience,
        };

    // What the caller says goes before what the policy says. A next policy that is not there any more is none.
    private static PolicyRetry Retry(EvacuationSpec spec, ConvergenceDocument policy, Dictionary<string, ConvergenceDocument> found) => new(
        spec.MaxAttempts > 0 ? spec.MaxAttempts : policy.Retry?.Attempts ?? UsualAttempts,
        spec.Backoff?.ToTimeSpan() ?? policy.Retry?.Backoff ?? s_usualBackoff,
        policy.Retry?.NextPolicy is { } next && found.ContainsKey(next) ? next : null);

    private static GuestTerms Terms(GuestOverride wish) => new()
    {
        Treatment = wish.Treatment switch
        {
            V1.GuestTreatment.Unspecified or V1.GuestTreatment.Migrate => GuestTreatment.Migrate,
            V1.GuestTreatment.Skip => GuestTreatment.Skip,
            V1.GuestTreatment.Restart => GuestTreatment.Restart,
        },
        Policy = wish.Policy.Length > 0 ? wish.Policy : null,
        MaxDowntime = wish.MaxDowntime?.ToTimeSpan(),
        PostCopyAllowed = wish.PostCopyAllowed,
        TargetHostId = wish.TargetHostId.Length > 0 ? wish.TargetHostId : null,
    };

    private static IEnumerable<string> Named(EvacuationSpec spec, string first) => new[] { first }
        .Concat(spec.RetryPolicies)
        .Concat(spec.Overrides.Select(wish => wish.Policy))
        .Concat(spec.Overrides.Any(wish => wish.PostCopyAllowed) ? [PostCopy] : [])
        .Where(name => name.Length > 0)
        .Distinct(StringComparer.Ordinal);

    /// <summary>Each policy may name the next one, in a circle as well.</summary>
    private async Task FollowAsync(Dictionary<string, ConvergenceDocument> found, CancellationToken cancellation)
    {
        for (var left = new Queue<ConvergenceDocument>(found.Values); left.TryDequeue(out var document);)
        {
            if (document.Retry?.NextPolicy is { } next && !found.ContainsKey(next)
                && await policies.FindAsync(next, 0, cancellation) is { Deleted: false } policy)
            {
                found[next] = PolicyDocumentParser.ParseStored(policy.Document);
                left.Enqueue(found[next]);
            }
        }
    }
}
