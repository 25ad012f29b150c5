using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Migrations;
using Orchestrator.Reports.Tests;

namespace Orchestrator.HostAgent.Tests.Migrations;

public class EngineTermsTests
{
    private static readonly ThrottleBounds s_bounds = new() { InitialPercent = 40, IncrementPercent = 20, MaxPercent = 80 };

    [Theory]
    [InlineData(0, 20)]
    [InlineData(1, 39)]
    [InlineData(40, 20)]
    [InlineData(60, 20)]
    public void Increment_WhereTheIdlePercentCame_MakesUpForTheInitialValue(int throttled, int increment) =>
        Assert.Equal(increment, EngineTerms.Increment(s_bounds, throttled));

    [Fact]
    public void Parameters_OfAStart_LiftTheCapAndKeepThrottlingIdle()
    {
        var start = new StartSource
        {
            Terms = new TransferTerms { ThrottlePossible = true },
            DowntimeLimit = TimeSpan.FromMilliseconds(1.9).ToDuration(),
            SwitchoverBytesPerSecond = 7,
        };

        var parameters = EngineTerms.Parameters(start, RecordedMigration.FeaturesOf("11.1.3"));

        Assert.Empty(parameters.FindViolations());
        Assert.Equal((0UL, 7UL, 1), (parameters.MaxBandwidthBytesPerSecond, parameters.AvailSwitchoverBandwidthBytesPerSecond, parameters.DowntimeLimitMilliseconds));
        Assert.Equal(
            (1, 1, 1, 100),
            (parameters.CpuThrottleInitialPercent, parameters.CpuThrottleIncrementPercent, parameters.MaxCpuThrottlePercent,
                parameters.ThrottleTriggerThresholdPercent));
    }

    [Fact]
    public void Parameters_WhatAnOldEngineLacks_IsNotSent()
    {
        var parameters = EngineTerms.Parameters(
            new StartSource { Terms = new TransferTerms(), DowntimeLimit = TimeSpan.FromTicks(1).ToDuration(), SwitchoverBytesPerSecond = 7 },
            RecordedMigration.FeaturesOf("7.2.22"));

        Assert.Null(parameters.AvailSwitchoverBandwidthBytesPerSecond);
        Assert.Null(parameters.CpuThrottleInitialPercent);
        Assert.Equal(1, parameters.DowntimeLimitMilliseconds);
    }

    [Fact]
    public void Parameters_OfAnAdjustment_AreOnlyWhatIsPresent()
    {
        var limit = EngineTerms.Parameters(new AdjustSource { MaxBytesPerSecond = 0 }, RecordedMigration.FeaturesOf("11.1.3"), throttled: 0);
        Assert.Equal(0UL, limit.MaxBandwidthBytesPerSecond);
        Assert.Null(limit.DowntimeLimitMilliseconds);
        Assert.Null(limit.MaxCpuThrottlePercent);

        var throttle = EngineTerms.Parameters(new AdjustSource { Throttle = s_bounds }, RecordedMigration.FeaturesOf("7.2.22"), throttled: 1);
        Assert.Empty(throttle.FindViolations());
        Assert.Equal(
            (40, 39, 80, 50),
            (throttle.CpuThrottleInitialPercent, throttle.CpuThrottleIncrementPercent, throttle.MaxCpuThrottlePercent, throttle.ThrottleTriggerThresholdPercent));
    }
}
