using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>Finds requirements on one label that no host can satisfy together. Those that are unsound in themselves are left alone.</summary>
internal static class SelectorContradictions
{
    public static void Find(string field, IReadOnlyList<LabelRequirement> selector, Violations violations)
    {
        var byKey = selector.Index().Where(entry => IsSound(entry.Item)).GroupBy(entry => entry.Item.Key, StringComparer.Ordinal);
        foreach (var requirements in byKey)
        {
            var absent = requirements.Where(entry => entry.Item.Operator == LabelOperator.DoesNotExist).Select(entry => entry.Index).ToList();
            var present = requirements.Where(entry => entry.Item.Operator is LabelOperator.In or LabelOperator.Exists).ToList();
            if (absent.Count > 0 && present.Count > 0)
            {
                violations.Add(
                    $"{field}[{absent[0]}]",
                    $"cannot be satisfied together with {field}[{present[0].Index}]: a host either has the label \"{requirements.Key}\" or not");
            }

            Values(field, [.. requirements], violations);
        }
    }

    private static void Values(string field, IReadOnlyList<(int Index, LabelRequirement Item)> requirements, Violations violations)
    {
        HashSet<string>? left = null;
        foreach (var (index, requirement) in requirements.OrderBy(entry => entry.Item.Operator != LabelOperator.In))
        {
            switch (requirement.Operator)
            {
                case LabelOperator.In:
                    left ??= [.. requirement.Values];
                    left.IntersectWith(requirement.Values);
                    break;
                case LabelOperator.NotIn:
                    left?.ExceptWith(requirement.Values);
                    break;
                default:
                    continue;
            }

            if (left is { Count: 0 })
            {
                violations.Add(
                    $"{field}[{index}]",
                    $"leaves no value that the label \"{requirement.Key}\" may have; others on the same label allow only what this one excludes");
                return;
            }
        }
    }

    private static bool IsSound(LabelRequirement requirement) => requirement.Operator switch
    {
        LabelOperator.In or LabelOperator.NotIn => requirement.Values.Count > 0,
        LabelOperator.Exists or LabelOperator.DoesNotExist => true,
        _ => false,
    };
}
