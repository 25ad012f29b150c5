using Orchestrator.Policy.Convergence;
using Orchestrator.Reports;

namespace Orchestrator.HostAgent.Tests.Reports;

public class OverheadTests
{
    /// <summary>The control plane takes it out of what it learns from: neither knows the other.</summary>
    [Fact]
    public void WhatReportsPutInForTheSwitchOver_IsWhatCalibrationTakesOut() =>
        Assert.Equal(SwitchOverCost.InReports, ReportAssembler.SwitchOverOverhead);
}
