using Orchestrator.Agent.V1;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.PolicyMessages.Tests;

public class ConditionsMessageTests
{
    [Fact]
    public void Read_WhatWasPut_IsTheSame()
    {
        var conditions = new CopyConditions(
            new SwitchOverCost(TimeSpan.FromMilliseconds(12), TimeSpan.FromMilliseconds(34)), DataRate.FromMebibytesPerSecond(56));
        var terms = new UnattendedTerms();

        ConditionsMessage.Put(conditions, terms);

        Assert.Equal(conditions, ConditionsMessage.Read(terms));
        ConditionsMessage.Put(conditions with { LineRate = null }, terms);
        Assert.Null(ConditionsMessage.Read(terms).LineRate);
    }

    [Fact]
    public void Read_OfAnEarlierRelease_IsTheUsual()
    {
        Assert.Equal(CopyConditions.Usual, ConditionsMessage.Read(new UnattendedTerms()));
        Assert.Equal(CopyConditions.Usual, ConditionsMessage.Read(null));
    }
}
