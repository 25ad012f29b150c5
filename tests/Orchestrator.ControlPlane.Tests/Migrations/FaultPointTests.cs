using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Migrations;
using Orchestrator.ControlPlane.Migrations.Supervision;
using Orchestrator.Policy.Lifecycle;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>That it kills is for the scenarios, which look at it from outside. Here: that it does not unless it is told to.</summary>
public class FaultPointTests
{
    private static readonly FaultOptionsValidator s_validator = new();

    [Theory]
    [InlineData(false, "", true)]
    [InlineData(true, "", true)]
    [InlineData(true, "StartSource", true)]
    [InlineData(false, "StartSource", false)]
    [InlineData(true, "Nonsense", false)]
    public void Validate_OnlyAKnownCommandAndOnlyWhenEnabled(bool enabled, string kind, bool accepted) => Assert.Equal(
        accepted, s_validator.Validate(null, new FaultOptions { Enabled = enabled, ExitAfterIntention = kind }).Succeeded);

    [Theory]
    [InlineData(false, "StartSource", AgentCommandKind.StartSource)]
    [InlineData(true, "", AgentCommandKind.PrepareTarget)]
    [InlineData(true, "StartSource", AgentCommandKind.CancelSource)]
    public void AfterIntention_NotTheOneAskedFor_LivesOn(bool enabled, string kind, AgentCommandKind intended) =>
        new FaultPoint(Options.Create(new FaultOptions { Enabled = enabled, ExitAfterIntention = kind })).AfterIntention(intended);
}
