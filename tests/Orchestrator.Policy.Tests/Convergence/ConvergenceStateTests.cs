using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Tests.Convergence;

public class ConvergenceStateTests
{
    [Fact]
    public void Start_DocumentBeginsAboveTheBudget_BeginsAtTheBudget()
    {
        var terms = new ConvergenceTerms
        {
            Document = new ConvergenceDocument
            {
                InitialDowntime = TimeSpan.FromMilliseconds(300),
                MaxDowntime = TimeSpan.FromMilliseconds(500),
                Steps = [new LadderStep(new LadderAction.Abort(), [new Trigger.PassesAbove(10)])],
            },
            Budget = TimeSpan.FromMilliseconds(100),
            GuestMemory = DataSize.FromGibibytes(1),
            PostCopyPossible = false,
            ThrottlePossible = false,
        };

        Assert.Equal(TimeSpan.FromMilliseconds(100), ConvergenceState.Start(terms).Limit);
    }
}
