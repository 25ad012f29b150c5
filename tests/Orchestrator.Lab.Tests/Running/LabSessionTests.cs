using Orchestrator.Lab.Reports;
using Orchestrator.Lab.Running;
using Orchestrator.Lab.Scores;
using Orchestrator.Lab.Workloads;

namespace Orchestrator.Lab.Tests.Running;

public class LabSessionTests
{
    /// <summary>All of it, as the command runs it: what it says of the policy is a promise, and deterministic.</summary>
    [Fact]
    public void Run_OwnWorkloads_EveryAimIsMet()
    {
        var (workloads, _) = WorkloadFiles.ReadFolder(WorkloadFiles.OwnFolder);
        var runs = LabSession.Run(workloads, Contestant.All, _ => { }, CancellationToken.None);
        Assert.Equal(workloads.Count * Contestant.All.Count, runs.Count);
        var standings = Standing.Of(runs);
        Assert.True(standings.Count(standing => standing.Met is not null) >= 5);
        Assert.DoesNotContain(standings, standing => standing.Met is false);
    }

    [Fact]
    public void Run_Twice_IsTheSame()
    {
        var (workloads, _) = WorkloadFiles.ReadFolder(WorkloadFiles.OwnFolder);
        var some = workloads.Where(workload => workload.Name is "hot-set-fits" or "link-unsteady" or "gpu-rubbish").ToList();
        Assert.Equal(3, some.Count);
        var contestants = Contestant.All.Take(3).ToList();
        Assert.Equal(
            LabSession.Run(some, contestants, _ => { }, CancellationToken.None).Select(run => run.Result),
            LabSession.Run(some, contestants, _ => { }, CancellationToken.None).Select(run => run.Result));
    }

    [Fact]
    public void Grids_AsMarkdown_HaveARowForEachPolicyAndWorkload()
    {
        var (workloads, _) = WorkloadFiles.ReadFolder(WorkloadFiles.OwnFolder);
        var runs = LabSession.Run([.. workloads.Take(2)], [.. Contestant.All.Take(2)], _ => { }, CancellationToken.None);
        var text = MarkdownReport.Render([Grids.Workloads(runs), Grids.Policies(runs)]);
        Assert.All(workloads.Take(2), workload => Assert.Contains($"| {workload.Name} |", text, StringComparison.Ordinal));
        Assert.All(Contestant.All.Take(2), contestant => Assert.Contains($"| {contestant.Name} |", text, StringComparison.Ordinal));
    }
}
