using System.Globalization;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Plausibility;

/// <summary>What one check has found so far.</summary>
internal sealed class Judgement(PlausibilityMemory memory)
{
    private readonly List<SuspectNumber> _suspects = [];
    private readonly Dictionary<string, ulong> _jumped = [];

    public PlausibilityMemory Memory => memory;

    public IReadOnlyList<SuspectNumber> Suspects => _suspects;

    public IReadOnlyDictionary<string, ulong> Jumped => _jumped;

    public void Suspect(string field, string raw, string why) => _suspects.Add(new SuspectNumber(field, raw, why));

    public void Suspect(string field, ulong raw, string why) => Suspect(field, raw.ToString(CultureInfo.InvariantCulture), why);

    /// <returns>The value when it is there and within its bound, else null.</returns>
    public ulong? Bounded(string field, ulong? value, ulong bound, string why)
    {
        if (value > bound)
        {
            Suspect(field, value.Value, why);
            return null;
        }

        return value;
    }

    /// <summary>A number that may be true but is not to be expected: refused the first time, believed when it is said again.</summary>
    public ulong? Jump(string field, ulong value, string why)
    {
        if (memory.Jumped.TryGetValue(field, out var saidBefore) && value / 2 <= saidBefore && saidBefore / 2 <= value)
        {
            return value;
        }

        _jumped[field] = value;
        Suspect(field, value, why);
        return null;
    }
}
