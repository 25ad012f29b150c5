using System.Runtime.CompilerServices;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence;

/// <summary>
/// Migrations as they went, reading by reading with the decision at the end of the line. A change of policy shows as changed lines: run the
/// tests with ORCHESTRATOR_REWRITE_RECORDINGS=1 and read the difference.
/// </summary>
public class RecordingTests
{
    private const string RewriteSwitch = "ORCHESTRATOR_REWRITE_RECORDINGS";

    private static readonly LadderStep s_raise = new(new LadderAction.RaiseDowntime(), []);
    private static readonly LadderAction s_abort = new LadderAction.Abort();

    // oVirt's "Minimal downtime" (the engine's 0000_config.sql): 100 ms, then 150, 200, 300, 400 at one pass each, 500 at two, then abort.
    // Its agent's first poll has seen a pass already, hence two before the first.
    private static readonly ConvergenceTerms s_ovirt = Paced(
        new Pacing.Ladder([
            Rung(150, new RungWait.Passes(2)),
            Rung(200, new RungWait.Passes(1)),
            Rung(300, new RungWait.Passes(1)),
            Rung(400, new RungWait.Passes(1)),
            Rung(500, new RungWait.Passes(2)),
        ]),
        Terms(100, 500, 8192, s_raise, new LadderStep(s_abort, [new Trigger.PassesAbove(8)])));

    private static readonly Dictionary<string, ConvergenceTerms> s_terms = new(StringComparer.Ordinal)
    {
        ["doubling-until-it-fits"] = Paced(
            new Pacing.Exponential(2, TimeSpan.FromSeconds(60), null, TimeSpan.Zero),
            Terms(30, 500, 4096, s_raise, new LadderStep(s_abort, [new Trigger.LimitExhausted(TimeSpan.FromMinutes(5))]))),
        ["ovirt-minimal-downtime-slow"] = s_ovirt,
        ["ovirt-minimal-downtime-large"] = s_ovirt,
        ["throttle-then-converges"] = Paced(
            new Pacing.Exponential(2, null, 1, TimeSpan.Zero),
            Terms(
                50,
                200,
                8192,
                s_raise,
                new LadderStep(new LadderAction.Throttle(20, 10, 70), [new Trigger.Stalled(2, 0.05)]),
                new LadderStep(s_abort, [new Trigger.NoProgressFor(TimeSpan.FromSeconds(60))]))),
        ["post-copy-on-stall"] = Terms(
            100,
            300,
            16384,
            new LadderStep(
                new LadderAction.PostCopy(DataRate.Zero),
                [new Trigger.Stalled(2, 0.05), new Trigger.ElapsedAbove(TimeSpan.FromHours(1))])),
        ["bounded-pause-resume-abort"] = Terms(
            100,
            300,
            4096,
            new LadderStep(new LadderAction.Throttle(20, 10, 80), [new Trigger.Infeasible()]),
            new LadderStep(new LadderAction.Pause(TimeSpan.FromSeconds(3)), [new Trigger.Infeasible()]),
            new LadderStep(s_abort, [new Trigger.Stalled(2, 0.05)])) with
        { ThrottlePossible = false, PostCopyPossible = false },
        ["suspect-numbers-in-the-middle"] = Paced(
            new Pacing.Exponential(2, TimeSpan.FromSeconds(10), null, TimeSpan.Zero),
            Terms(
                100,
                400,
                8192,
                s_raise,
                new LadderStep(
                    s_abort,
                    [new Trigger.Infeasible(), new Trigger.TransferredAbove(3), new Trigger.NoProgressFor(TimeSpan.FromSeconds(20))]))),
        ["qemu-10.0.2-non-converging"] = Paced(
            new Pacing.Exponential(1.5, null, 1, TimeSpan.Zero),
            Terms(100, 300, 256, s_raise, new LadderStep(s_abort, [new Trigger.Stalled(4, 0.05)]))),
    };

    public static TheoryData<string> Names => [.. s_terms.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Step_RecordedMigration_DecidesAsRecorded(string name)
    {
        var terms = s_terms[name];
        Assert.Empty(DocumentRules.Violations(terms.Document));
        var recorded = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Recordings", $"{name}.txt"));

        var replayed = Replay(terms, recorded);

        if (Environment.GetEnvironmentVariable(RewriteSwitch) == "1")
        {
            File.WriteAllLines(Path.Combine(SourceFolder(), "..", "Recordings", $"{name}.txt"), replayed);
        }
        else
        {
            Assert.Equal(recorded, replayed);
        }
    }

    [Fact]
    public void Recordings_EachHasItsTerms() => Assert.Equal(
        s_terms.Keys.Order(StringComparer.Ordinal),
        Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Recordings")).Select(Path.GetFileNameWithoutExtension)
            .Order(StringComparer.Ordinal));

    private static List<string> Replay(ConvergenceTerms terms, IReadOnlyList<string> lines)
    {
        var state = ConvergenceState.Start(terms);
        List<string> replayed = [];
        foreach (var line in lines)
        {
            if (line.StartsWith('#'))
            {
                replayed.Add(line);
                continue;
            }

            var step = ConvergencePolicy.Step(terms, state, RecordedLine.Parse(line, replayed.Count));
            state = step.State;
            var by = step.Explanation is { } explanation ? $" by {explanation.Rule}" : "";
            replayed.Add(RecordedLine.WithDecision(line, Copy.Words(step.Decision) + by));
        }

        return replayed;
    }

    private static ConvergenceTerms Paced(Pacing pacing, ConvergenceTerms terms) =>
        terms with { Document = terms.Document with { Pacing = pacing } };

    private static ConvergenceTerms Terms(int initial, int max, int memoryMebibytes, params LadderStep[] steps)
    {
        var document = Copy.Document(steps) with
        {
            InitialDowntime = TimeSpan.FromMilliseconds(initial),
            MaxDowntime = TimeSpan.FromMilliseconds(max),
        };
        return Copy.Under(document) with { GuestMemory = DataSize.FromMebibytes(memoryMebibytes) };
    }

    private static Rung Rung(int milliseconds, RungWait after) => new(TimeSpan.FromMilliseconds(milliseconds), after);

    private static string SourceFolder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
