using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Tests.Placement;

public class CpuModelTests
{
    private static readonly string[] s_haswell = [.. CpuModels.Find("Haswell")!];

    [Theory]
    [InlineData("qemu64", "cx16 pni lm", "ssse3 avx")]
    [InlineData("Haswell", "avx2 bmi1 movbe hle rtm invpcid", "adx ibrs rdseed")]
    [InlineData("Haswell-noTSX", "avx2 movbe", "hle rtm ibrs")]
    [InlineData("Haswell-v3", "hle rtm ibrs", "adx")]
    [InlineData("Broadwell-noTSX-IBRS", "adx rdseed ibrs", "hle rtm")]
    [InlineData("Skylake-Server", "avx512f avx512vl clflushopt pku", "xsaves ibrs")]
    [InlineData("Skylake-Server-v2", "avx512f ibrs", "clflushopt")]
    [InlineData("Skylake-Server-v4", "avx512f ibrs", "clflushopt hle")]
    [InlineData("EPYC-Rome-v3", "sse4a clzero ibrs xsaves", "avx512f pcid")]
    [InlineData("EPYC-Rome-v4", "sse4a clzero ibrs", "xsaves")]
    [InlineData("EPYC-Genoa", "avx512f vaes sse4a", "hle amx_tile")]
    [InlineData("SapphireRapids-v99", "amx_tile avx512_fp16 cldemote", "sse4a")]
    [InlineData("Nehalem", "sse4_2 popcnt", "aes avx")]
    public void Find_KnownModel_HasItsFlags(string model, string has, string lacks)
    {
        string[] flags = [.. CpuModels.Find(model)!];
        Assert.All(has.Split(' '), flag => Assert.Contains(flag, flags));
        Assert.All(lacks.Split(' '), flag => Assert.DoesNotContain(flag, flags));
    }

    [Theory]
    [InlineData("host")]
    [InlineData("no-such-model")]
    [InlineData("Haswell-v0")]
    [InlineData("")]
    public void Find_UnknownModel_Nothing(string model) => Assert.Null(CpuModels.Find(model));

    [Theory]
    [InlineData("Skylake-Server", "avx512f")]
    [InlineData("Haswell,+avx512f", "avx512f")]
    [InlineData("Haswell,+sha-ni,avx512vnni=on", "sha_ni avx512_vnni")]
    [InlineData("unknown,+sse4a", "sse4a")]
    [InlineData("Haswell,+spec-ctrl", "ibrs")]
    public void Missing_TargetLacksIt_IsNamed(string model, string lacks)
    {
        var missing = Missing(model, [], s_haswell);
        Assert.All(lacks.Split(' '), flag => Assert.Contains(flag.Replace("_", "", StringComparison.Ordinal), missing));
    }

    [Theory]
    [InlineData("Haswell")]
    [InlineData("Haswell,+sse4.2,+sse3,+pclmuldq,+lzcnt,+x2apic,+tsc-deadline,+vmx")]
    [InlineData("Haswell,pmu=on,migratable=on,level=13,+kvm-pv-eoi,+invtsc")]
    [InlineData("Broadwell,-adx,-rdseed,-smap,3dnowprefetch=off")]
    [InlineData("Broadwell,+adx,-adx,-rdseed,-smap,-3dnowprefetch")]
    [InlineData("IvyBridge")]
    [InlineData("something-new")]
    [InlineData(",,+,")]
    public void Missing_TargetHasEverythingOrNobodyKnows_Nothing(string model) => Assert.Empty(Missing(model, [], s_haswell));

    [Fact]
    public void Missing_HostModel_IsWhatTheSourceHasAndNotWhatLinuxAdds()
    {
        string[] source = [.. s_haswell, "adx", "pti", "constant_tsc", "ept", "arat", "hwp"];
        Assert.Equal(["adx"], Missing("host", source, s_haswell));
        Assert.Empty(Missing("host,-adx", source, s_haswell));
        Assert.Empty(Missing("host", s_haswell, source));
        Assert.Equal(["adx"], Missing("max", source, s_haswell));
        Assert.Empty(Missing("host", [], s_haswell));
    }

    [Fact]
    public void Missing_NamedModel_OnlyWhatTheGuestCanHaveGotOfIt()
    {
        // The source lacks avx512, so the guest runs without it, and nothing is lost on the target.
        Assert.Empty(Missing("Skylake-Server", s_haswell, s_haswell));
        Assert.Contains("avx512f", Missing("Skylake-Server", [.. CpuModels.Find("Skylake-Server")!], s_haswell));
    }

    [Fact]
    public void Missing_TargetNotKnown_Nothing() => Assert.Empty(Missing("Skylake-Server,+sse4a", s_haswell, []));

    [Theory]
    [InlineData("7.2.22 (Debian 1:7.2+dfsg-7)", "7.2.22", false)]
    [InlineData("7.2.9", "7.2.22", true)]
    [InlineData("9.2.0", "10.0.13", true)]
    [InlineData("10.0.13", "9.2.0", false)]
    [InlineData("7.2", "7.2.22", false)]
    [InlineData("QEMU emulator version 8.0.1", "8.1", true)]
    [InlineData("", "7.2", false)]
    [InlineData("7.2", "git", false)]
    [InlineData("99999999999999999999.1", "7.2", false)]
    [InlineData("7.", "7.2", false)]
    public void IsOlderThan_Versions_ByTheNumbersBothHave(string one, string other, bool older) =>
        Assert.Equal(older, EngineVersion.Parse(one).IsOlderThan(EngineVersion.Parse(other)));

    [Theory]
    [InlineData("7.2.9", "7.2.22", false)]
    [InlineData("7.2.22", "8.0.0", true)]
    [InlineData("7.2", "8", true)]
    [InlineData("10.0.13", "9.2.0", false)]
    [InlineData("", "7.2", false)]
    public void IsOfOlderSeriesThan_Versions_ByMajorAndMinor(string one, string other, bool older) =>
        Assert.Equal(older, EngineVersion.Parse(one).IsOfOlderSeriesThan(EngineVersion.Parse(other)));

    private static IReadOnlyList<string> Missing(string model, string[] source, string[] target) =>
        CpuNeed.Parse(model).Missing(CpuNeed.Plain(source), CpuNeed.Plain(target));
}
