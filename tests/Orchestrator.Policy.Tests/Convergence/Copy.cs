using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence;

/// <summary>A copy that the test walks through reading by reading, as the supervisor would.</summary>
internal sealed class Copy(ConvergenceTerms terms)
{
    public const ReadingNumber AllFresh = (ReadingNumber)511;

    private readonly List<(TimeSpan At, ConvergenceStep Step)> _acts = [];

    public ConvergenceTerms Terms { get; set; } = terms;

    public ConvergenceState State { get; set; } = ConvergenceState.Start(terms);

    /// <summary>Every decision that was not to wait, e.g. "60 SetDowntimeLimit 60 by pacing.exponential".</summary>
    public IReadOnlyList<string> Acts =>
        [.. _acts.Select(act => $"{act.At.TotalSeconds:0.##} {Words(act.Step.Decision)} by {act.Step.Explanation!.Rule}")];

    public static ConvergenceDocument Document(params LadderStep[] steps) => new()
    {
        InitialDowntime = TimeSpan.FromMilliseconds(100),
        MaxDowntime = TimeSpan.FromMilliseconds(400),
        Steps = steps,
    };

    public static ConvergenceTerms Under(ConvergenceDocument document) => new()
    {
        Document = document,
        Budget = document.MaxDowntime,
        GuestMemory = DataSize.FromGibibytes(4),
        PostCopyPossible = true,
        ThrottlePossible = true,
    };

    public static LadderStep When(LadderAction action, params Trigger[] triggers) => new(action, triggers);

    /// <summary>Past the first pass, everything fresh and feasible, passes honest.</summary>
    public static ConvergenceReading Reading(double seconds, int pass, double mebibytes) => new()
    {
        Sequence = (long)(seconds * 1000) + 1,
        Elapsed = TimeSpan.FromSeconds(seconds),
        Activity = EngineActivity.PreCopy,
        Pass = pass,
        PassesHonest = true,
        RamTotal = DataSize.FromGibibytes(4),
        RamRemaining = new DataSize((long)(mebibytes * 1024 * 1024)),
        Remaining = new DataSize((long)(mebibytes * 1024 * 1024)),
        Transferred = DataSize.FromMebibytes((long)(seconds * 100)),
        Bandwidth = DataRate.FromMebibytesPerSecond(1000),
        SwitchOverBandwidth = DataRate.FromMebibytesPerSecond(1000),
        DirtyRate = DataRate.FromMebibytesPerSecond(50),
        ExpectedDowntime = TimeSpan.FromMilliseconds(mebibytes),
        DowntimeLimit = TimeSpan.FromMilliseconds(100),
        GuestRunning = true,
        Fresh = AllFresh,
    };

    public static ConvergenceReading FirstPass(double seconds, double mebibytes) =>
        Reading(seconds, 1, mebibytes) with { FirstPass = true };

    public static string Words(ConvergenceDecision decision) => decision switch
    {
        ConvergenceDecision.Wait => "Wait",
        ConvergenceDecision.SetDowntimeLimit set => FormattableString.Invariant($"SetDowntimeLimit {set.Limit.TotalMilliseconds:0.###}"),
        ConvergenceDecision.StartThrottle it => $"StartThrottle {it.InitialPercent}+{it.IncrementPercent}<{it.MaxPercent}",
        ConvergenceDecision.StartPostCopy => "StartPostCopy",
        ConvergenceDecision.Pause pause => FormattableString.Invariant($"Pause {pause.MaxPause.TotalSeconds:0.###}"),
        ConvergenceDecision.Resume => "Resume",
        ConvergenceDecision.Abort => "Abort",
        _ => throw new ArgumentOutOfRangeException(nameof(decision)),
    };

    public ConvergenceStep See(ConvergenceReading reading)
    {
        var step = ConvergencePolicy.Step(Terms, State, reading);
        State = step.State;
        if (step.Decision is not ConvergenceDecision.Wait)
        {
            _acts.Add((reading.Elapsed, step));
        }

        return step;
    }

    /// <summary>Passes as QEMU shows them: what the pass before left dirty first, then falling nearly to zero.</summary>
    /// <param name="dirtyMebibytes">One pass each, of 4 s.</param>
    public Copy Passes(double from, int firstNumber, params double[] dirtyMebibytes)
    {
        for (var pass = 0; pass < dirtyMebibytes.Length; pass++)
        {
            double[] left = [1, 0.7, 0.4, 0.05];
            for (var beat = 0; beat < left.Length; beat++)
            {
                See(Reading(from + (4 * pass) + beat, firstNumber + pass, dirtyMebibytes[pass] * left[beat]));
            }
        }

        return this;
    }
}
