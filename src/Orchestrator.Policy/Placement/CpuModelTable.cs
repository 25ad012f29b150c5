namespace Orchestrator.Policy.Placement;

/// <summary>
/// The flags of QEMU's named x86 CPU models, in /proc/cpuinfo's spelling, as far as a host's /proc/cpuinfo would show them and a running
/// guest would miss them: not what QEMU or KVM emulates anyway (x2apic, tsc-deadline, topology, nested virtualization), not the bits that
/// every 64-bit processor has.
/// </summary>
/// <remarks>
/// Facts as QEMU 11.1.3 tells them: query-cpu-model-expansion, type "full", of each model of query-cpu-definitions. Levels: x86-64 psABI.
/// </remarks>
internal static class CpuModelTable
{
    /// <summary>What each x86-64 level adds to the one before.</summary>
    public const string Levels = """
        v1 cmov cx8 fpu fxsr lm mmx sse sse2 syscall
        v2 cx16 lahf_lm pni popcnt sse4_1 sse4_2 ssse3
        v3 abm avx avx2 bmi1 bmi2 f16c fma movbe xsave
        v4 avx512bw avx512cd avx512dq avx512f avx512vl
        """;

    /// <summary>
    /// A model's version, what it is built on (a level, or "=" for the line before), then flags that it adds, and takes away with '-'. A
    /// version that is not listed has the flags of the next lower one. A line that is indented goes on.
    /// </summary>
    public const string Models = """
        Broadwell-v1 v3 3dnowprefetch adx aes erms fsgsbase hle invpcid nx pcid pclmulqdq rdrand rdseed rdtscp rtm smap smep xsaveopt
        Broadwell-v2 = -hle -rtm
        Broadwell-v3 = hle ibrs rtm
        Broadwell-v4 = -hle -rtm
        Cascadelake-Server-v1 v4 3dnowprefetch adx aes avx512_vnni clflushopt clwb erms fsgsbase hle ibrs invpcid nx pcid pclmulqdq
            pdpe1gb pku rdrand rdseed rdtscp rtm smap smep ssbd xgetbv1 xsavec xsaveopt
        Cascadelake-Server-v3 = -hle -rtm
        Cascadelake-Server-v5 = xsaves
        Conroe-v1 v1 lahf_lm nx pni ssse3
        Cooperlake-v1 v4 3dnowprefetch adx aes avx512_bf16 avx512_vnni clflushopt clwb erms fsgsbase hle ibrs invpcid nx pcid pclmulqdq
            pdpe1gb pku rdrand rdseed rdtscp rtm smap smep ssbd stibp xgetbv1 xsavec xsaveopt
        Cooperlake-v2 = xsaves
        core2duo-v1 v1 cx16 lahf_lm nx pni ssse3
        Denverton-v1 v2 3dnowprefetch aes clflushopt erms fsgsbase ibrs movbe nx pclmulqdq pdpe1gb rdrand rdseed rdtscp sha_ni smap smep
            ssbd xgetbv1 xsave xsavec xsaveopt
        Denverton-v3 = xsaves
        Dhyana-v1 v3 3dnowprefetch adx clflushopt cr8_legacy fsgsbase fxsr_opt ibpb misalignsse mmxext nx osvw pdpe1gb rdrand rdseed
            rdtscp smap smep sse4a xgetbv1 xsavec xsaveopt
        Dhyana-v2 = xsaves
        EPYC-v1 v3 3dnowprefetch adx aes clflushopt cr8_legacy fsgsbase fxsr_opt misalignsse mmxext nx osvw pclmulqdq pdpe1gb rdrand
            rdseed rdtscp sha_ni smap smep sse4a xgetbv1 xsavec xsaveopt
        EPYC-v2 = ibpb
        EPYC-v3 = clzero perfctr_core xsaveerptr xsaves
        EPYC-Genoa-v1 v4 3dnowprefetch adx aes avx512_bf16 avx512_bitalg avx512_vbmi2 avx512_vnni avx512_vpopcntdq avx512ifma avx512vbmi
            clflushopt clwb clzero cr8_legacy erms fsgsbase fsrm fxsr_opt gfni ibpb ibrs invpcid misalignsse mmxext nx osvw pcid pclmulqdq
            pdpe1gb perfctr_core pku rdpid rdrand rdseed rdtscp sha_ni smap smep ssbd sse4a stibp umip vaes vpclmulqdq wbnoinvd xgetbv1
            xsavec xsaveerptr xsaveopt xsaves
        EPYC-Milan-v1 v3 3dnowprefetch adx aes clflushopt clwb clzero cr8_legacy erms fsgsbase fsrm fxsr_opt ibpb ibrs invpcid
            misalignsse mmxext nx osvw pcid pclmulqdq pdpe1gb perfctr_core pku rdpid rdrand rdseed rdtscp sha_ni smap smep ssbd sse4a stibp
            umip wbnoinvd xgetbv1 xsavec xsaveerptr xsaveopt xsaves
        EPYC-Milan-v2 = vaes vpclmulqdq
        EPYC-Rome-v1 v3 3dnowprefetch adx aes clflushopt clwb clzero cr8_legacy fsgsbase fxsr_opt ibpb misalignsse mmxext nx osvw
            pclmulqdq pdpe1gb perfctr_core rdpid rdrand rdseed rdtscp sha_ni smap smep sse4a stibp umip wbnoinvd xgetbv1 xsavec xsaveerptr
            xsaveopt xsaves
        EPYC-Rome-v2 = ibrs ssbd
        EPYC-Rome-v4 = -xsaves
        EPYC-Turin-v1 v4 3dnowprefetch adx aes avx512_bf16 avx512_bitalg avx512_vbmi2 avx512_vnni avx512_vp2intersect avx512_vpopcntdq
            avx512ifma avx512vbmi avx_vnni clflushopt clwb clzero cr8_legacy erms fsgsbase fsrm fxsr_opt gfni ibpb ibrs invpcid misalignsse
            mmxext movdir64b movdiri nx osvw pcid pclmulqdq pdpe1gb perfctr_core pku rdpid rdrand rdseed rdtscp sha_ni smap smep ssbd sse4a
            stibp umip vaes vpclmulqdq wbnoinvd xgetbv1 xsavec xsaveerptr xsaveopt xsaves
        GraniteRapids-v1 v4 3dnowprefetch adx aes amx_bf16 amx_fp16 amx_int8 amx_tile avx512_bf16 avx512_bitalg avx512_fp16 avx512_vbmi2
            avx512_vnni avx512_vpopcntdq avx512ifma avx512vbmi avx_vnni bus_lock_detect clflushopt clwb erms fsgsbase fsrm gfni hle ibrs
            invpcid nx pcid pclmulqdq pdpe1gb pku rdpid rdrand rdseed rdtscp rtm serialize sha_ni smap smep ssbd tsxldtrk umip vaes
            vpclmulqdq wbnoinvd xgetbv1 xsavec xsaveopt xsaves
        GraniteRapids-v2 = cldemote movdir64b movdiri
        Haswell-v1 v3 aes erms fsgsbase hle invpcid nx pcid pclmulqdq rdrand rdtscp rtm smep xsaveopt
        Haswell-v2 = -hle -rtm
        Haswell-v3 = hle ibrs rtm
        Haswell-v4 = -hle -rtm
        Icelake-Server-v1 v4 3dnowprefetch adx aes avx512_bitalg avx512_vbmi2 avx512_vnni avx512_vpopcntdq avx512vbmi clflushopt clwb
            erms fsgsbase gfni hle ibrs invpcid nx pcid pclmulqdq pdpe1gb pku rdrand rdseed rdtscp rtm smap smep ssbd umip vaes vpclmulqdq
            wbnoinvd xgetbv1 xsavec xsaveopt
        Icelake-Server-v2 = -hle -rtm
        Icelake-Server-v4 = avx512ifma fsrm rdpid sha_ni
        Icelake-Server-v5 = xsaves
        Icelake-Server-v7 = hle rtm
        IvyBridge-v1 v2 aes avx erms f16c fsgsbase nx pclmulqdq rdrand rdtscp smep xsave xsaveopt
        IvyBridge-v2 = ibrs
        KnightsMill-v1 v3 3dnowprefetch adx aes avx512_4fmaps avx512_4vnniw avx512_vpopcntdq avx512cd avx512er avx512f avx512pf erms
            fsgsbase nx pclmulqdq pdpe1gb rdrand rdseed rdtscp smep xsaveopt
        kvm64-v1 v1 cx16 nx pni
        Nehalem-v1 v2 nx
        Nehalem-v2 = ibrs
        Opteron_G1-v1 v1 nx pni
        Opteron_G2-v1 v1 cx16 lahf_lm nx pni
        Opteron_G3-v1 v1 abm cx16 lahf_lm misalignsse nx pni popcnt rdtscp sse4a
        Opteron_G4-v1 v2 3dnowprefetch abm aes avx fma4 misalignsse nx pclmulqdq pdpe1gb rdtscp sse4a xop xsave
        Opteron_G5-v1 v2 3dnowprefetch abm aes avx f16c fma fma4 misalignsse nx pclmulqdq pdpe1gb rdtscp sse4a tbm xop xsave
        Penryn-v1 v1 cx16 lahf_lm nx pni sse4_1 ssse3
        phenom-v1 v1 3dnow 3dnowext abm cx16 fxsr_opt lahf_lm mmxext nx pdpe1gb pni popcnt rdtscp sse4a
        qemu64-v1 v1 cx16 lahf_lm nx pni
        SandyBridge-v1 v2 aes avx nx pclmulqdq rdtscp xsave xsaveopt
        SandyBridge-v2 = ibrs
        SapphireRapids-v1 v4 3dnowprefetch adx aes amx_bf16 amx_int8 amx_tile avx512_bf16 avx512_bitalg avx512_fp16 avx512_vbmi2
            avx512_vnni avx512_vpopcntdq avx512ifma avx512vbmi avx_vnni bus_lock_detect clflushopt clwb erms fsgsbase fsrm gfni hle ibrs
            invpcid nx pcid pclmulqdq pdpe1gb pku rdpid rdrand rdseed rdtscp rtm serialize sha_ni smap smep ssbd tsxldtrk umip vaes
            vpclmulqdq wbnoinvd xgetbv1 xsavec xsaveopt xsaves
        SapphireRapids-v3 = cldemote movdir64b movdiri
        SierraForest-v1 v3 3dnowprefetch adx aes avx_ifma avx_vnni bus_lock_detect clflushopt clwb cmpccxadd erms fsgsbase fsrm gfni
            ibrs invpcid nx pcid pclmulqdq pdpe1gb pku rdpid rdrand rdseed rdtscp serialize sha_ni smap smep ssbd umip vaes vpclmulqdq
            wbnoinvd xgetbv1 xsavec xsaveopt xsaves
        SierraForest-v2 = cldemote movdir64b movdiri
        Skylake-Client-v1 v3 3dnowprefetch adx aes erms fsgsbase hle invpcid nx pcid pclmulqdq rdrand rdseed rdtscp rtm smap smep
            xgetbv1 xsavec xsaveopt
        Skylake-Client-v2 = ibrs
        Skylake-Client-v3 = -hle -rtm
        Skylake-Client-v4 = xsaves
        Skylake-Server-v1 v4 3dnowprefetch adx aes clflushopt clwb erms fsgsbase hle invpcid nx pcid pclmulqdq pdpe1gb pku rdrand rdseed
            rdtscp rtm smap smep xgetbv1 xsavec xsaveopt
        Skylake-Server-v2 = ibrs -clflushopt
        Skylake-Server-v3 = -hle -rtm
        Skylake-Server-v5 = xsaves
        Snowridge-v1 v2 3dnowprefetch aes cldemote clflushopt clwb erms fsgsbase gfni ibrs movbe movdir64b movdiri nx pclmulqdq pdpe1gb
            rdrand rdseed rdtscp sha_ni smap smep ssbd umip xgetbv1 xsave xsavec xsaveopt
        Snowridge-v3 = xsaves
        Westmere-v1 v2 aes nx pclmulqdq
        Westmere-v2 = ibrs
        """;

    /// <summary>Other names. A name without version is version 1, whatever machine type since pc-q35-4.1.</summary>
    public const string Aliases = """
        Broadwell-IBRS=Broadwell-v3 Broadwell-noTSX=Broadwell-v2 Broadwell-noTSX-IBRS=Broadwell-v4
        Cascadelake-Server-noTSX=Cascadelake-Server-v3 EPYC-IBPB=EPYC-v2 Haswell-IBRS=Haswell-v3 Haswell-noTSX=Haswell-v2
        Haswell-noTSX-IBRS=Haswell-v4 Icelake-Server-noTSX=Icelake-Server-v2 IvyBridge-IBRS=IvyBridge-v2 Nehalem-IBRS=Nehalem-v2
        SandyBridge-IBRS=SandyBridge-v2 Skylake-Client-IBRS=Skylake-Client-v2 Skylake-Client-noTSX-IBRS=Skylake-Client-v3
        Skylake-Server-IBRS=Skylake-Server-v2 Skylake-Server-noTSX-IBRS=Skylake-Server-v3 Westmere-IBRS=Westmere-v2
        """;
}
