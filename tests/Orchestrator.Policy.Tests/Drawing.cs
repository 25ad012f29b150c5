using System.Globalization;
using FsCheck;

namespace Orchestrator.Policy.Tests;

/// <summary>
/// How properties are tried. Every run draws the same, so that a red one is about the change at hand; with ORCHESTRATOR_PROPERTY_SEED set to a
/// number it draws others, which is how new counterexamples are looked for.
/// </summary>
internal static class Drawing
{
    private const ulong UsualSeed = 20_260_101;

    // FsCheck's generator (splitmix64) wants an odd one.
    private const ulong Gamma = 0x9E37_79B9_7F4A_7C15;

    public static Config Of(int tests)
    {
        var seed = ulong.TryParse(
            Environment.GetEnvironmentVariable("ORCHESTRATOR_PROPERTY_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var asked)
            ? asked : UsualSeed;
        return Config.QuickThrowOnFailure.WithMaxTest(tests).WithReplay(new Replay(new Rnd(seed, Gamma), null));
    }
}
