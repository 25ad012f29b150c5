using System.Runtime.CompilerServices;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Convergence.Replay;

namespace Orchestrator.PolicyMessages.Tests;

/// <summary>Real migrations, asked again. See Recordings/README.md.</summary>
public class RecordedMigrationTests
{
    private const string RewriteSwitch = "ORCHESTRATOR_REWRITE_RECORDINGS";

    public static TheoryData<string> Names => [.. RecordedMigration.Names()];

    [Theory]
    [MemberData(nameof(Names))]
    public void Replay_UnderEveryPolicy_DecidesAsExpected(string name)
    {
        var migration = RecordedMigration.Read(name);
        var told = Tell("its own", migration.Replay(migration.Own));
        told.AddRange(RecordedMigration.Others().SelectMany(other => Tell(other.Name, migration.Replay(other.Document))));

        if (Environment.GetEnvironmentVariable(RewriteSwitch) == "1")
        {
            File.WriteAllLines(Path.Combine(SourceFolder(), "Recordings", name, "expected.txt"), told);
        }
        else
        {
            Assert.Equal(File.ReadAllLines(Path.Combine(RecordedMigration.Folder, name, "expected.txt")), told);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Replay_UnderThePolicyThatItRanUnder_IsWhatWasDecided(string name)
    {
        var migration = RecordedMigration.Read(name);

        // A model that learns new things may decide otherwise than it did; a rule may not.
        if (migration.Own.Pacing is Pacing.Predictive)
        {
            return;
        }

        var outcome = migration.Replay(migration.Own);

        Assert.Null(outcome.PartsAt);
        Assert.Equal(
            migration.Recording.Decisions.Where(decision => decision.By is DecidedBy.Policy).Select(decision => decision.Sequence),
            outcome.Steps.Where(step => step.Replayed is not null).Select(step => step.Recorded!.Sequence));
    }

    [Fact]
    public void Recordings_HaveEveryKindOfDecision()
    {
        var decided = RecordedMigration.Names().SelectMany(name => RecordedMigration.Read(name).Recording.Decisions)
            .Select(decision => decision.Decision.GetType().Name).Distinct().Order(StringComparer.Ordinal);

        Assert.Equal(["Abort", "Pause", "Resume", "SetDowntimeLimit", "StartPostCopy", "StartThrottle"], decided);
    }

    private static List<string> Tell(string policy, ReplayOutcome outcome) =>
    [
        FormattableString.Invariant($"# {policy}: {outcome.Readings} readings, {outcome.Missing} missing, ")
            + (outcome.PartsAt is { } parts ? FormattableString.Invariant($"parts at {parts}") : "never parts"),
        .. outcome.Steps.Select(Tell),
    ];

    private static string Tell(ReplayStep step)
    {
        var at = step.On?.Reading.Elapsed ?? step.Recorded?.Elapsed ?? TimeSpan.Zero;
        var recorded = step.Recorded is { } was ? Words(was.Decision) : "nothing";
        var replayed = step.Replayed is { } would ? $"{Words(would.Decision)} by {would.Explanation?.Rule}"
            : step.On is null ? "not the policy's"
            : "nothing";
        return FormattableString.Invariant($"{at.TotalSeconds:0.000} {recorded} | {replayed}");
    }

    // Of a throttle the record keeps the bound alone.
    private static string Words(ConvergenceDecision decision) => decision switch
    {
        ConvergenceDecision.SetDowntimeLimit(var limit, var line) =>
            FormattableString.Invariant($"SetDowntimeLimit {limit.TotalMilliseconds:0.###}") + (line is { } rate ? $" at {rate.BytesPerSecond}" : ""),
        ConvergenceDecision.StartThrottle throttle => FormattableString.Invariant($"StartThrottle <{throttle.MaxPercent}"),
        ConvergenceDecision.Pause(var longest) => FormattableString.Invariant($"Pause {longest.TotalSeconds:0.###}"),
        _ => decision.GetType().Name,
    };

    private static string SourceFolder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
