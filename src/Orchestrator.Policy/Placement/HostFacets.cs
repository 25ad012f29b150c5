using System.Collections.Frozen;

namespace Orchestrator.Policy.Placement;

/// <summary>
/// What depends on the host's facts and the kind of guest alone, not on what is running: worked out once for each kind, then looked up. A
/// fleet has few kinds of processors, machines and selectors for its many guests.
/// </summary>
internal sealed class HostFacets
{
    private readonly IReadOnlyList<LedgerHost> _hosts;
    private readonly int[] _processorOfHost;
    private readonly List<FrozenSet<string>> _processors = [];
    private readonly Dictionary<(string Accelerator, string MachineType, string Version), EngineSets> _engines = [];
    private readonly Dictionary<(string Model, int Source), HostSet> _cpus = [];
    private readonly Dictionary<string, CpuNeed> _cpuNeeds = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HostSet> _selected = new(StringComparer.Ordinal);
    private readonly Dictionary<object, HostSet> _selectedByTerms = new(ReferenceEqualityComparer.Instance);
    private readonly HostSet _all;

    public HostFacets(IReadOnlyList<LedgerHost> hosts)
    {
        _hosts = hosts;
        _all = HostSet.Where(hosts, _ => true);
        _processorOfHost = new int[hosts.Count];
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var host in hosts)
        {
            var text = CanonicalText.Of(host.Facts);
            if (!known.TryGetValue(text, out var processor))
            {
                known[text] = processor = _processors.Count;
                _processors.Add(CpuNeed.Plain(host.Facts.CpuFlags));
            }

            _processorOfHost[host.Index] = processor;
        }
    }

    public EngineSets Engines(MachineNeeds machine)
    {
        var key = (machine.Accelerator, machine.MachineType, machine.EngineVersion);
        if (!_engines.TryGetValue(key, out var sets))
        {
            var fits = _hosts.Select(host => EngineFit.Of(host.Facts, machine)).ToList();
            _engines[key] = sets = new EngineSets(
                HostSet.Where(_hosts, host => fits[host.Index].Accelerator),
                HostSet.Where(_hosts, host => fits[host.Index].MachineType),
                HostSet.Where(_hosts, host => fits[host.Index].Version));
        }

        return sets;
    }

    /// <summary>Hosts whose processors have what the model asks.</summary>
    public HostSet Cpu(MachineNeeds machine, LedgerHost? source)
    {
        if (IsEmulated(machine))
        {
            return _all;
        }

        var key = (machine.CpuModel, source is null ? -1 : _processorOfHost[source.Index]);
        if (!_cpus.TryGetValue(key, out var set))
        {
            var enough = _processors.Select(flags => Need(machine).Missing(Flags(source), flags).Count == 0).ToList();
            _cpus[key] = set = HostSet.Where(_hosts, host => enough[_processorOfHost[host.Index]]);
        }

        return set;
    }

    public IReadOnlyList<string> MissingFlags(MachineNeeds machine, LedgerHost? source, LedgerHost target) =>
        IsEmulated(machine) ? [] : Need(machine).Missing(Flags(source), Flags(target));

    public HostSet Selected(IReadOnlyList<LabelRequirement> selector)
    {
        if (selector.Count == 0)
        {
            return _all;
        }

        if (!_selectedByTerms.TryGetValue(selector, out var set))
        {
            var text = CanonicalText.Of(selector);
            if (!_selected.TryGetValue(text, out set))
            {
                _selected[text] = set = HostSet.Where(_hosts, host => selector.All(requirement => Holds(requirement, host.Facts.Labels)));
            }

            _selectedByTerms[selector] = set;
        }

        return set;
    }

    public static bool Holds(LabelRequirement requirement, IReadOnlyDictionary<string, string> labels)
    {
        var value = labels.GetValueOrDefault(requirement.Key);
        return requirement.Operator switch
        {
            LabelOperator.In => value is not null && requirement.Values.Contains(value),
            LabelOperator.NotIn => value is null || !requirement.Values.Contains(value),
            LabelOperator.Exists => value is not null,
            LabelOperator.DoesNotExist => value is null,
        };
    }

    private static bool IsEmulated(MachineNeeds machine) => machine.Accelerator == "tcg";

    private FrozenSet<string> Flags(LedgerHost? host) => host is null ? [] : _processors[_processorOfHost[host.Index]];

    private CpuNeed Need(MachineNeeds machine)
    {
        if (!_cpuNeeds.TryGetValue(machine.CpuModel, out var need))
        {
            _cpuNeeds[machine.CpuModel] = need = CpuNeed.Parse(machine.CpuModel);
        }

        return need;
    }
}

/// <summary>Hosts that have each of what an engine must have.</summary>
internal sealed record EngineSets(HostSet Accelerator, HostSet MachineType, HostSet Version);
