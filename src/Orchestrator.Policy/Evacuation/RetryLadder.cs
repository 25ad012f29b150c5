namespace Orchestrator.Policy.Evacuation;

/// <summary>How a guest is tried again.</summary>
internal static class RetryLadder
{
    private const string PostCopy = "post-copy";

    /// <param name="failures">So far, 0 or more.</param>
    public static string Policy(EvacuationTerms terms, string guestId, int failures)
    {
        var own = terms.Of(guestId);
        var first = own.Policy ?? terms.Policy;
        if (failures == 0)
        {
            return first;
        }

        List<string> ladder = [.. terms.RetryPolicies];
        if (own.PostCopyAllowed && !ladder.Contains(PostCopy, StringComparer.Ordinal))
        {
            ladder.Add(PostCopy);
        }

        if (ladder.Count > 0)
        {
            return ladder[Math.Min(failures, ladder.Count) - 1];
        }

        var policy = first;
        for (var failure = 0; failure < failures; failure++)
        {
            policy = terms.PolicyRetries.GetValueOrDefault(policy)?.NextPolicy ?? policy;
        }

        return policy;
    }

    public static int MaxAttempts(EvacuationTerms terms, string guestId) => Own(terms, guestId)?.Attempts ?? terms.MaxAttempts;

    /// <param name="failures">So far, 1 or more.</param>
    public static TimeSpan Backoff(EvacuationTerms terms, string guestId, int failures)
    {
        var first = Own(terms, guestId)?.Backoff ?? terms.Backoff;
        var seconds = first.TotalSeconds * Math.Pow(2, Math.Min(failures - 1, 30));
        return TimeSpan.FromSeconds(Math.Min(seconds, EvacuationTerms.LongestBackoff.TotalSeconds));
    }

    private static PolicyRetry? Own(EvacuationTerms terms, string guestId) => terms.RetryPolicies.Count > 0
        ? null : terms.PolicyRetries.GetValueOrDefault(terms.Of(guestId).Policy ?? terms.Policy);
}
