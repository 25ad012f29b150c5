using System.Collections.Frozen;

namespace Orchestrator.Policy.Placement;

/// <summary>
/// What a guest's CPU model asks of a host's processor, as far as it can be known. Under TCG nothing: the processor is emulated. Flags
/// that are named with '+' must be there. The "host" and "max" models hand the guest what its source has, so the target must have all of
/// that. Of a named model the target must have what the guest can have got of it: what its source has, for QEMU leaves out, with a
/// warning, what the host lacks. A model that is not known asks nothing.
/// </summary>
internal sealed class CpuNeed
{
    // QEMU's spelling of flags that /proc/cpuinfo spells otherwise than by '-', '.' and '_' (x86_cpu_properties and feature_word_info in
    // target/i386/cpu.c; arch/x86/include/asm/cpufeatures.h).
    private static readonly FrozenDictionary<string, string> s_spelling = new Dictionary<string, string>
    {
        ["sse3"] = "pni",
        ["pclmuldq"] = "pclmulqdq",
        ["xd"] = "nx",
        ["i64"] = "lm",
        ["ffxsr"] = "fxsropt",
        ["lzcnt"] = "abm",
        ["specctrl"] = "ibrs",
        ["amdssbd"] = "ssbd",
        ["amdstibp"] = "stibp",
        ["amdibrs"] = "ibrs",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    // What KVM emulates or makes up whatever the host has, and what Linux writes into /proc/cpuinfo about itself or the machine's power and
    // performance gear: guests do not get it from the processor, so a host that differs in it is no worse.
    private static readonly FrozenSet<string> s_notOfTheGuest = Plain(
        "x2apic tsc_deadline_timer tsc_deadline hypervisor arat tsc_adjust monitor mwaitx ht cmp_legacy topoext extapic extd_apicid amd_dcm "
        + "xtopology nopl rep_good constant_tsc nonstop_tsc nonstop_tsc_s3 tsc_known_freq tsc_reliable art cpuid cpuid_fault "
        + "arch_perfmon pebs bts dtes64 ds_cpl dts acpi tm tm2 pbe est xtpr pdcm dca sdbg aperfmperf acc_power perfctr_nb perfctr_llc irperf "
        + "perfmon_v2 ibs wdt lwp skinit nodeid_msr bpext ptsc tce cpb epb pti invpcid_single ibrs_enhanced "
        + "intel_ppin intel_pt cat_l3 cat_l2 cdp_l3 cdp_l2 mba rdt_a cqm cqm_llc cqm_occup_llc cqm_mbm_total cqm_mbm_local hw_pstate "
        + "proc_feedback cppc brs amd_lbr_v2 amd_lbr_pmc_freeze v_spec_ctrl sme sev sev_es sev_snp debug_swap tme pconfig smx vmx svm "
        + "tpr_shadow vnmi flexpriority ept vpid ept_ad vmmcall npt lbrv svm_lock nrip_save tsc_scale vmcb_clean flushbyasid decodeassists "
        + "pausefilter pfthreshold avic x2avic v_vmsave_vmload vgif dtherm ida pln pts hwp hwp_notify hwp_act_window hwp_epp hwp_pkg_req hfi "
        + "overflow_recov succor smca arch_lbr arch_capabilities split_lock_detect ring3mwait user_shstk ospke osxsave rapl xenpv");

    private static readonly FrozenSet<string> s_known = Plain(CpuModels.KnownFlags);

    private readonly FrozenSet<string> _explicit;
    private readonly FrozenSet<string>? _model;
    private readonly FrozenSet<string> _without;
    private readonly bool _hostModel;

    private CpuNeed(string name, FrozenSet<string> named, FrozenSet<string> without)
    {
        Name = name;
        _explicit = named;
        _without = without;
        _hostModel = name is "host" or "max";
        _model = CpuModels.Find(name)?.Select(Canonical).ToFrozenSet(StringComparer.Ordinal);
    }

    /// <summary>The model without its flags.</summary>
    public string Name { get; }

    /// <param name="model">QEMU's -cpu argument: a name, then flags with '+', '-' or "=on" and properties, by commas.</param>
    public static CpuNeed Parse(string model)
    {
        var parts = model.Split(',', StringSplitOptions.TrimEntries);
        var with = new HashSet<string>(StringComparer.Ordinal);
        var without = new HashSet<string>(StringComparer.Ordinal);
        foreach (var part in parts.Skip(1).Where(part => part.Length > 1))
        {
            if (part[0] == '+' || part.EndsWith("=on", StringComparison.Ordinal))
            {
                with.Add(Canonical(part[0] == '+' ? part[1..] : part[..^"=on".Length]));
            }
            else if (part[0] == '-' || part.EndsWith("=off", StringComparison.Ordinal))
            {
                without.Add(Canonical(part[0] == '-' ? part[1..] : part[..^"=off".Length]));
            }
        }

        // As QEMU has it, '-' wins over '+' wherever it stands (x86_cpu_parse_featurestr).
        with.ExceptWith(without);
        return new CpuNeed(parts[0], with.ToFrozenSet(StringComparer.Ordinal), without.ToFrozenSet(StringComparer.Ordinal));
    }

    public static FrozenSet<string> Plain(string flags) => Plain(flags.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Flags of /proc/cpuinfo in the spelling that is compared.</summary>
    public static FrozenSet<string> Plain(IEnumerable<string> flags) => flags.Select(Canonical).ToFrozenSet(StringComparer.Ordinal);

    /// <param name="source">Flags of the guest's present host; empty = not known, or it has none.</param>
    /// <param name="target">Empty = not known.</param>
    /// <returns>Flags that the target lacks, in order.</returns>
    public IReadOnlyList<string> Missing(FrozenSet<string> source, FrozenSet<string> target)
    {
        if (target.Count == 0)
        {
            return [];
        }

        // Of flags no model has, only those can be told from properties ("pmu") that some /proc/cpuinfo has named.
        var needed = _explicit.Where(flag => s_known.Contains(flag) || source.Contains(flag));
        if (_hostModel)
        {
            needed = needed.Concat(source.Except(_without));
        }
        else if (_model is not null)
        {
            needed = needed.Concat(_model.Where(flag => (source.Count == 0 || source.Contains(flag)) && !_without.Contains(flag)));
        }

        return
        [
            .. needed.Where(flag => !target.Contains(flag) && !s_notOfTheGuest.Contains(flag)).Distinct().Order(StringComparer.Ordinal),
        ];
    }

    private static string Canonical(string flag)
    {
        var plain = string.Concat(flag.ToLowerInvariant().Where(letter => letter is not ('-' or '_' or '.')));
        return s_spelling.GetValueOrDefault(plain, plain);
    }
}
