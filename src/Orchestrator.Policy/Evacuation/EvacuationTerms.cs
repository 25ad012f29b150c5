namespace Orchestrator.Policy.Evacuation;

/// <summary>What the caller asked for; as EvacuationSpec in evacuations.proto, found sound.</summary>
public sealed record EvacuationTerms
{
    /// <summary>In the order of their turns.</summary>
    public required IReadOnlyList<string> HostIds { get; init; }

    /// <summary>Hosts that may be out at the same time; zero = all at once.</summary>
    public int MaxHostsOut { get; init; }

    public required string Policy { get; init; }

    /// <summary>What follows on each failure, the last one over and over.</summary>
    public IReadOnlyList<string> RetryPolicies { get; init; } = [];

    /// <summary>Of every guest; null = its policy's.</summary>
    public TimeSpan? MaxDowntime { get; init; }

    public DateTimeOffset? Deadline { get; init; }

    public int MaxAttempts { get; init; } = 4;

    /// <summary>After the first failure; doubles with each further one, up to <see cref="LongestBackoff"/>.</summary>
    public TimeSpan Backoff { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>By guest id.</summary>
    public IReadOnlyDictionary<string, GuestTerms> Overrides { get; init; } = new Dictionary<string, GuestTerms>(StringComparer.Ordinal);

    /// <summary>By policy name: the policies' own terms for retries, used when <see cref="RetryPolicies"/> is empty.</summary>
    public IReadOnlyDictionary<string, PolicyRetry> PolicyRetries { get; init; } = new Dictionary<string, PolicyRetry>(StringComparer.Ordinal);

    /// <summary>How long guests that no host takes keep the evacuation open once nothing else is left to do. A later deadline prolongs it.</summary>
    public TimeSpan StuckPatience { get; init; } = TimeSpan.FromMinutes(2);

    public static TimeSpan LongestBackoff => TimeSpan.FromMinutes(10);

    public GuestTerms Of(string guestId) => Overrides.GetValueOrDefault(guestId, GuestTerms.Usual);
}

/// <summary>What is different for one guest.</summary>
public sealed record GuestTerms
{
    public static GuestTerms Usual { get; } = new();

    public GuestTreatment Treatment { get; init; } = GuestTreatment.Migrate;

    /// <summary>Null = the evacuation's.</summary>
    public string? Policy { get; init; }

    public TimeSpan? MaxDowntime { get; init; }

    public bool PostCopyAllowed { get; init; }

    /// <summary>Null = whichever is best.</summary>
    public string? TargetHostId { get; init; }
}

public enum GuestTreatment
{
    Migrate,
    Skip,
    Restart,
}

/// <summary>As RetryTerms in policy_document.proto.</summary>
/// <param name="NextPolicy">Null = the same again.</param>
public sealed record PolicyRetry(int Attempts, TimeSpan Backoff, string? NextPolicy);
