using Google.Protobuf.WellKnownTypes;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Policies;

internal static class PolicySample
{
    /// <summary>Sound, with every kind of trigger and nearly every field in use.</summary>
    public static PolicyDocument Everything() => new()
    {
        Description = "all \"of\" it: ü",
        InitialDowntime = Milliseconds(50),
        MaxDowntime = Milliseconds(800),
        Ladder = new LadderPacing
        {
            Rungs =
            {
                new Rung { Limit = Milliseconds(100), Passes = 3 },
                new Rung { Limit = Milliseconds(200), Time = Seconds(20) },
                new Rung { Limit = Milliseconds(400), TimePerGib = Seconds(5) },
                new Rung { Limit = Milliseconds(800), StalledRounds = 2 },
            },
        },
        Steps =
        {
            new LadderStep { RaiseDowntime = new RaiseDowntime() },
            new LadderStep
            {
                Throttle = new Throttle { InitialPercent = 30, IncrementPercent = 5, MaxPercent = 60 },
                When = { new Trigger { Stalled = new Stalled { Rounds = 3, MinImprovement = 0.1 } }, new Trigger { Infeasible = new Infeasible() } },
            },
            new LadderStep
            {
                Pause = new Pause { MaxPause = Seconds(2) },
                When =
                {
                    new Trigger { PassesAbove = 40 }, new Trigger { TransferredAboveRamTimes = 4.5 }, new Trigger { ElapsedAbove = Seconds(600) },
                    new Trigger { LimitExhausted = new LimitExhausted { For = Seconds(30) } },
                },
            },
            new LadderStep
            {
                Abort = new Abort(),
                When = { new Trigger { ElapsedAbovePerGib = Seconds(150) }, new Trigger { NoProgressFor = Seconds(90) } },
            },
        },
        Stop = new StopConditions
        {
            MaxPasses = 100,
            MaxTransferFactor = 8,
            MaxTotalTime = Seconds(3600),
            MaxTotalTimePerGib = Seconds(300),
        },
        Bandwidth = new BandwidthTerms { MaxBytesPerSecond = 1UL << 30, SwitchoverBytesPerSecond = 1UL << 31 },
        FreePageHint = true,
        OnControlPlaneLoss = OnControlPlaneLoss.AbortAtDeadline,
        Retry = new RetryTerms { Attempts = 5, Backoff = Seconds(30), NextPolicy = "doubling" },
    };

    public static Duration Milliseconds(double value) => Duration.FromTimeSpan(TimeSpan.FromMilliseconds(value));

    public static Duration Seconds(double value) => Duration.FromTimeSpan(TimeSpan.FromSeconds(value));
}
