using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>
/// Finds everything in which placement terms are not what placement.proto allows, or are such that no host can ever satisfy them, and
/// fills in its defaults.
/// </summary>
internal sealed class PlacementTermsParser
{
    private const int MaxRequirements = 32;
    private const int MaxValues = 32;
    private const int MaxTerms = 16;
    private const int MaxGuestLabels = 16;
    private const uint MaxWeight = 100;
    private const uint UsualWeight = 10;

    private readonly Violations _violations;

    private PlacementTermsParser(Violations violations) => _violations = violations;

    /// <returns>Empty when there are none; of use only when nothing was added to the violations.</returns>
    public static PlacementTerms Parse(string field, PlacementTerms? given, Violations violations)
    {
        if (given is null)
        {
            return new PlacementTerms();
        }

        // Through JSON, so that fields this release does not know are not taken over.
        var terms = ProtoJson.Read<PlacementTerms>(ProtoJson.Write(given));
        var parser = new PlacementTermsParser(violations);
        parser.Each($"{field}.host_selector", terms.HostSelector, MaxRequirements, parser.Requirement);
        parser.Each($"{field}.affinity", terms.Affinity, MaxTerms, parser.Term);
        SelectorContradictions.Find($"{field}.host_selector", [.. terms.HostSelector.Take(MaxRequirements)], violations);
        parser.AffinityContradictions($"{field}.affinity", [.. terms.Affinity.Take(MaxTerms)]);
        foreach (var term in terms.Affinity.Where(term => term is { Required: false, Weight: 0 }))
        {
            term.Weight = UsualWeight;
        }

        return terms;
    }

    private void Requirement(string field, LabelRequirement requirement)
    {
        Must(Labels.IsKey(requirement.Key), $"{field}.key", $"must be 1 to {Labels.MaxCharacters} characters, none of them NUL");
        switch (requirement.Operator)
        {
            case LabelOperator.In or LabelOperator.NotIn:
                Must(
                    requirement.Values.Count is > 0 and <= MaxValues,
                    $"{field}.values",
                    $"must have 1 to {MaxValues} entries with IN and NOT_IN, has {requirement.Values.Count}");
                break;
            case LabelOperator.Exists or LabelOperator.DoesNotExist:
                Must(requirement.Values.Count == 0, $"{field}.values", "must be empty with EXISTS and DOES_NOT_EXIST");
                break;
            default:
                _violations.Add(
                    $"{field}.operator",
                    "must be LABEL_OPERATOR_IN, LABEL_OPERATOR_NOT_IN, LABEL_OPERATOR_EXISTS or LABEL_OPERATOR_DOES_NOT_EXIST");
                break;
        }

        foreach (var (index, value) in requirement.Values.Take(MaxValues).Index())
        {
            Must(
                Labels.IsValue(value),
                $"{field}.values[{index}]",
                $"must be at most {Labels.MaxCharacters} characters, none of them NUL");
        }
    }

    private void Term(string field, AffinityTerm term)
    {
        Must(term.GuestLabels.Count > 0, $"{field}.guest_labels", $"is missing; 1 to {MaxGuestLabels} labels of other guests");
        Labels.Parse(_violations, $"{field}.guest_labels", term.GuestLabels, MaxGuestLabels);
        Must(
            Labels.IsValue(term.TopologyKey),
            $"{field}.topology_key",
            $"must be a host label's key of at most {Labels.MaxCharacters} characters, or empty for the single host");
        if (term.Required)
        {
            Must(term.Weight == 0, $"{field}.weight", "must be 0 where required is true: such a term is not weighed");
        }
        else
        {
            _violations.Range($"{field}.weight", term.Weight, 0, MaxWeight);
        }
    }

    // Whoever has all labels of the one has those of the other that asks for fewer; whoever is on a host is in the place the host is in.
    private void AffinityContradictions(string field, IReadOnlyList<AffinityTerm> terms)
    {
        foreach (var (away, anti) in terms.Index().Where(entry => entry.Item is { Required: true, Anti: true }))
        {
            foreach (var (near, wanted) in terms.Index().Where(entry => entry.Item is { Required: true, Anti: false }))
            {
                if (anti.GuestLabels.Count > 0
                    && anti.GuestLabels.All(label => wanted.GuestLabels.TryGetValue(label.Key, out var value) && value == label.Value)
                    && (wanted.TopologyKey == anti.TopologyKey || wanted.TopologyKey.Length == 0))
                {
                    _violations.Add(
                        $"{field}[{away}]",
                        $"cannot be satisfied together with {field}[{near}]: that one requires guests in the place that this one forbids");
                }
            }
        }
    }

    private void Each<T>(string field, IReadOnlyList<T> items, int max, Action<string, T> check)
    {
        _violations.Count(field, items.Count, max);
        foreach (var (index, item) in items.Take(max).Index())
        {
            check($"{field}[{index}]", item);
        }
    }

    private void Must(bool holds, string field, string description)
    {
        if (!holds)
        {
            _violations.Add(field, description);
        }
    }
}
