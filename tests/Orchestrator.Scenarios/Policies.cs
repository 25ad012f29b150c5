using Google.Protobuf.WellKnownTypes;
using Orchestrator.V1;

namespace Orchestrator.Scenarios;

/// <summary>Policies that reach in seconds what real ones take minutes for.</summary>
internal static class Policies
{
    /// <summary>30 ms, doubled after every round without progress, given up when the cap has stood for long.</summary>
    public static PolicyDocument Doubling(int capMilliseconds) => new()
    {
        InitialDowntime = Milliseconds(30),
        MaxDowntime = Milliseconds(capMilliseconds),
        Exponential = new ExponentialPacing { Factor = 2, StalledRounds = 1 },
        Steps = { Raise(), Step(new LadderStep { Abort = new Abort() }, new Trigger { LimitExhausted = new LimitExhausted { For = Seconds(60) } }) },
    };

    /// <summary>One action as soon as the copy has stalled for a round; abort when that does not help for long.</summary>
    public static PolicyDocument WhenStalled(LadderStep action, int capMilliseconds)
    {
        var document = new PolicyDocument
        {
            InitialDowntime = Milliseconds(30),
            MaxDowntime = Milliseconds(capMilliseconds),
            Steps = { Step(action, Stalled()) },
        };
        if (action.ActionCase is not (LadderStep.ActionOneofCase.Abort or LadderStep.ActionOneofCase.PostCopy))
        {
            document.Steps.Add(Step(new LadderStep { Abort = new Abort() }, new Trigger { ElapsedAbove = Seconds(110) }));
        }

        return document;
    }

    public static Trigger Stalled() => new() { Stalled = new Stalled { Rounds = 1 } };

    public static Duration Milliseconds(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds).ToDuration();

    public static Duration Seconds(int seconds) => TimeSpan.FromSeconds(seconds).ToDuration();

    public static LadderStep Raise() => new() { RaiseDowntime = new RaiseDowntime() };

    private static LadderStep Step(LadderStep step, Trigger when)
    {
        step.When.Add(when);
        return step;
    }
}
