using Google.Protobuf.WellKnownTypes;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.PolicyMessages;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Policies;

public sealed class PolicyDocumentParserTests
{
    [Fact]
    public void Parse_EverythingInUse_ArrivesAsItWasSaid()
    {
        var parsed = PolicyDocumentParser.Parse(PolicySample.Everything(), out var violations);

        Assert.Empty(violations.Found);
        Assert.NotNull(parsed);
        Assert.Equal(TimeSpan.FromMilliseconds(50), parsed.InitialDowntime);
        Assert.Equal(TimeSpan.FromMilliseconds(800), parsed.MaxDowntime);
        Assert.Equal(
            [
                new Policy.Convergence.Rung(Milliseconds(100), new RungWait.Passes(3)),
                new Policy.Convergence.Rung(Milliseconds(200), new RungWait.Time(TimeSpan.FromSeconds(20))),
                new Policy.Convergence.Rung(Milliseconds(400), new RungWait.TimePerGibibyte(TimeSpan.FromSeconds(5))),
                new Policy.Convergence.Rung(Milliseconds(800), new RungWait.StalledRounds(2)),
            ],
            Assert.IsType<Pacing.Ladder>(parsed.Pacing).Rungs);
        Assert.Equal(
            [
                new LadderAction.RaiseDowntime(), new LadderAction.Throttle(30, 5, 60), new LadderAction.Pause(TimeSpan.FromSeconds(2)),
                new LadderAction.Abort(),
            ],
            parsed.Steps.Select(step => step.Action));
        Assert.Equal(
            [
                new Policy.Convergence.Trigger.Stalled(3, 0.1), new Policy.Convergence.Trigger.Infeasible(),
                new Policy.Convergence.Trigger.PassesAbove(40),
                new Policy.Convergence.Trigger.TransferredAbove(4.5),
                new Policy.Convergence.Trigger.ElapsedAbove(TimeSpan.FromMinutes(10)),
                new Policy.Convergence.Trigger.LimitExhausted(TimeSpan.FromSeconds(30)),
                new Policy.Convergence.Trigger.ElapsedAbovePerGibibyte(TimeSpan.FromSeconds(150)),
                new Policy.Convergence.Trigger.NoProgressFor(TimeSpan.FromSeconds(90)),
            ],
            parsed.Steps.SelectMany(step => step.When));
        Assert.Equal(
            new Policy.Convergence.StopConditions
            {
                MaxPasses = 100,
                MaxTransferFactor = 8,
                MaxTotalTime = TimeSpan.FromHours(1),
                MaxTotalTimePerGibibyte = TimeSpan.FromMinutes(5),
            },
            parsed.Stop);
        Assert.Equal(
            new Policy.Convergence.BandwidthTerms { Max = new DataRate(1L << 30), SwitchOver = new DataRate(1L << 31) },
            parsed.Bandwidth);
        Assert.True(parsed.FreePageHint);
        Assert.Equal(ControlPlaneLoss.AbortAtDeadline, parsed.OnControlPlaneLoss);
        Assert.Equal(new Policy.Convergence.RetryTerms(5, TimeSpan.FromSeconds(30), "doubling"), parsed.Retry);
    }

    [Theory]
    [InlineData(OnControlPlaneLoss.Unspecified, ControlPlaneLoss.Continue)]
    [InlineData(OnControlPlaneLoss.Continue, ControlPlaneLoss.Continue)]
    [InlineData(OnControlPlaneLoss.AgentDecides, ControlPlaneLoss.AgentDecides)]
    public void Parse_WhatAgentsDoAlone_ArrivesAsItWasSaid(OnControlPlaneLoss said, ControlPlaneLoss parsed)
    {
        var document = PolicySample.Everything();
        document.OnControlPlaneLoss = said;
        document.Retry = null;

        Assert.Equal(parsed, PolicyDocumentParser.Parse(document, out _)?.OnControlPlaneLoss);
        Assert.Null(PolicyDocumentParser.Parse(document, out _)?.Retry);
    }

    [Fact]
    public void Parse_LossAndRetryThatAreNone_AreNamed()
    {
        var document = PolicySample.Everything();
        document.OnControlPlaneLoss = (OnControlPlaneLoss)7;
        document.Retry = new V1.RetryTerms { Attempts = 0, NextPolicy = "No Such Name" };
        Assert.Equal(["on_control_plane_loss", "retry.attempts", "retry.backoff", "retry.next_policy"], Fields(document));

        document = PolicySample.Everything();
        document.Stop = null;
        Assert.Equal(["on_control_plane_loss"], Fields(document));
    }

    [Fact]
    public void Parse_ZeroMeansTheUsual()
    {
        var document = PolicySample.Everything();
        document.Ladder = null;
        document.Exponential = new ExponentialPacing { Factor = 1.5, StalledRounds = 2 };
        document.Steps[1].Throttle = new Throttle();
        document.Steps[1].When[0].Stalled.MinImprovement = 0;
        document.Stop = null;
        document.Bandwidth = null;
        document.FreePageHint = false;
        document.OnControlPlaneLoss = OnControlPlaneLoss.Unspecified;
        document.Steps[^1].PostCopy = new PostCopy();

        var parsed = PolicyDocumentParser.Parse(document, out _);

        Assert.Equal(new Pacing.Exponential(1.5, null, 2, TimeSpan.Zero), parsed?.Pacing);
        Assert.Equal(new LadderAction.Throttle(20, 10, 80), parsed?.Steps[1].Action);
        Assert.Equal(new Policy.Convergence.Trigger.Stalled(3, 0.05), parsed?.Steps[1].When[0]);
        Assert.Equal(new LadderAction.PostCopy(DataRate.Zero), parsed?.Steps[^1].Action);
        Assert.Equal(new Policy.Convergence.StopConditions(), parsed?.Stop);
        Assert.Null(parsed?.Bandwidth.Max);
    }

    [Fact]
    public void Parse_Nothing_NamesWhatIsMissing() => Assert.Equal(["initial_downtime", "max_downtime", "steps"], Fields(new PolicyDocument()));

    [Fact]
    public void Parse_NonsenseInEveryField_NamesEveryField()
    {
        var none = new Duration { Seconds = 1, Nanos = -5 };
        var document = new PolicyDocument
        {
            Description = new string('d', 1001),
            InitialDowntime = none,
            MaxDowntime = PolicySample.Seconds(2001),
            Exponential = new ExponentialPacing { Factor = double.NaN, Time = PolicySample.Milliseconds(1), StartAfter = PolicySample.Seconds(-1) },
            Steps =
            {
                new V1.LadderStep(),
                new V1.LadderStep
                {
                    Throttle = new Throttle { InitialPercent = 100, IncrementPercent = uint.MaxValue, MaxPercent = 5 },
                    When =
                    {
                        new V1.Trigger(),
                        new V1.Trigger { Stalled = new Stalled { Rounds = 0, MinImprovement = 2 } },
                        new V1.Trigger { PassesAbove = 0 },
                        new V1.Trigger { TransferredAboveRamTimes = double.PositiveInfinity },
                        new V1.Trigger { ElapsedAbove = none },
                        new V1.Trigger { ElapsedAbovePerGib = PolicySample.Seconds(0) },
                        new V1.Trigger { NoProgressFor = PolicySample.Seconds(86_401) },
                    },
                },
                new V1.LadderStep { Pause = new Pause(), When = { new V1.Trigger { Infeasible = new Infeasible() } } },
                new V1.LadderStep { PostCopy = new PostCopy { MaxBytesPerSecond = ulong.MaxValue } },
            },
            Stop = new V1.StopConditions
            {
                MaxPasses = uint.MaxValue,
                MaxTransferFactor = -1,
                MaxTotalTime = none,
                MaxTotalTimePerGib = PolicySample.Seconds(7200),
            },
            Bandwidth = new V1.BandwidthTerms { MaxBytesPerSecond = ulong.MaxValue, SwitchoverBytesPerSecond = ulong.MaxValue },
            FreePageHint = true,
        };

        Assert.Equal(
            [
                "bandwidth.max_bytes_per_second", "bandwidth.switchover_bytes_per_second", "description",
                "exponential.factor", "exponential.start_after", "exponential.time", "free_page_hint", "initial_downtime", "max_downtime",
                "steps[0].action", "steps[1].throttle.increment_percent", "steps[1].throttle.initial_percent",
                "steps[1].throttle.max_percent", "steps[1].when[0].condition", "steps[1].when[1].stalled.min_improvement",
                "steps[1].when[1].stalled.rounds", "steps[1].when[2].passes_above", "steps[1].when[3].transferred_above_ram_times",
                "steps[1].when[4].elapsed_above", "steps[1].when[5].elapsed_above_per_gib", "steps[1].when[6].no_progress_for",
                "steps[2].pause.max_pause", "steps[3].post_copy.max_bytes_per_second", "steps[3].when", "stop.max_passes",
                "stop.max_total_time", "stop.max_total_time_per_gib", "stop.max_transfer_factor",
            ],
            Fields(document));
    }

    [Fact]
    public void Parse_ListsWithoutEnd_AreNamedOnce()
    {
        var document = PolicySample.Everything();
        document.Ladder.Rungs.AddRange(Enumerable.Repeat(new V1.Rung(), 10_000));
        document.Steps[1].When.AddRange(Enumerable.Repeat(new V1.Trigger { PassesAbove = 1 }, 10_000));

        var fields = Fields(document);
        Assert.Contains("ladder.rungs", fields);
        Assert.Contains("steps[1].when", fields);
        Assert.True(fields.Count < 200);
    }

    [Theory]
    [InlineData("initial_downtime")]
    [InlineData("steps[3]")]
    [InlineData("ladder.rungs[1].limit")]
    [InlineData("free_page_hint")]
    public void Parse_PartsThatDoNotFitTogether_AreRefusedByTheRulesOfPolicy(string field)
    {
        var document = PolicySample.Everything();
        switch (field)
        {
            case "initial_downtime":
                document.InitialDowntime = PolicySample.Milliseconds(801);
                break;
            case "steps[3]":
                document.Steps[3].Pause = new Pause { MaxPause = PolicySample.Seconds(1) };
                break;
            case "ladder.rungs[1].limit":
                document.Ladder.Rungs[1].Limit = document.Ladder.Rungs[0].Limit;
                break;
            default:
                document.Steps[3].PostCopy = new PostCopy();
                break;
        }

        Assert.Contains(field, Fields(document));
    }

    [Fact]
    public void ParseStored_Unsound_Throws() =>
        Assert.Throws<InvalidDataException>(() => PolicyDocumentParser.ParseStored(new PolicyDocument()));

    private static List<string> Fields(PolicyDocument document)
    {
        Assert.Null(PolicyDocumentParser.Parse(document, out var violations));
        return [.. violations.Found.Select(found => found.Field).Order(StringComparer.Ordinal)];
    }

    private static TimeSpan Milliseconds(double value) => TimeSpan.FromMilliseconds(value);
}
