namespace Orchestrator.Policy.Placement;

/// <summary>What a guest asks of the host it runs on, besides that it fits. Meanings and ranges are those of placement.proto.</summary>
/// <param name="HostSelector">All must hold on the host's labels.</param>
public sealed record PlacementTerms(IReadOnlyList<LabelRequirement> HostSelector, IReadOnlyList<AffinityTerm> Affinity)
{
    public static PlacementTerms None { get; } = new([], []);
}

/// <param name="Values">Of In and NotIn.</param>
public sealed record LabelRequirement(string Key, LabelOperator Operator, params IReadOnlyList<string> Values);

public enum LabelOperator
{
    In,

    /// <summary>Holds too where the label is absent.</summary>
    NotIn,
    Exists,
    DoesNotExist,
}

/// <summary>Near other guests, or away from them.</summary>
/// <param name="GuestLabels">The other guests: those that have all of these. The guest itself never counts.</param>
/// <param name="TopologyKey">
/// Host label whose equal values are one place; empty = the single host. A host without it is a place of its own.
/// </param>
/// <param name="Anti">
/// True: no such guest in the place, neither there nor on its way. False: at least one there or on its way, unless there is none anywhere.
/// </param>
/// <param name="Required">True: a host that breaks it is no candidate. False: it costs score.</param>
/// <param name="Weight">Of a term that is not required: 1 to 100.</param>
public sealed record AffinityTerm(
    IReadOnlyDictionary<string, string> GuestLabels, string TopologyKey, bool Anti, bool Required, int Weight = AffinityTerm.DefaultWeight)
{
    /// <summary>What weight 0 means in placement.proto.</summary>
    public const int DefaultWeight = 10;
}

/// <summary>Shared empty values.</summary>
internal static class Terms
{
    public static IReadOnlyDictionary<string, string> NoLabels { get; } = new Dictionary<string, string>();
}
