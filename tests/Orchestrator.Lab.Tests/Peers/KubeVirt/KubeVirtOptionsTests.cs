using Orchestrator.Lab.Peers.KubeVirt;

namespace Orchestrator.Lab.Tests.Peers.KubeVirt;

public class KubeVirtOptionsTests
{
    [Theory]
    [InlineData(1, 300, 40)]
    [InlineData(4, 750, 100)]
    [InlineData(8, 1350, 180)]
    [InlineData(16, 2700, 360)]
    [InlineData(64, 10350, 1380)]
    [InlineData(256, 41250, 5500)]
    [InlineData(1024, 165000, 22000)]
    public void AcceptableCompletionTime_CountsDecimalGigabytesRoundedUp(int gibibytes, long at150, long at20)
    {
        var bytes = (long)gibibytes << 30;
        Assert.Equal(at150, new KubeVirtOptions().AcceptableCompletionTime(bytes));
        Assert.Equal(at20, new KubeVirtOptions { CompletionTimeoutPerGigabyte = 20 }.AcceptableCompletionTime(bytes));
    }

    [Fact]
    public void WorkloadDisruption_FollowsPostCopyUnlessSaid()
    {
        Assert.False(new KubeVirtOptions().AllowWorkloadDisruption);
        Assert.True(new KubeVirtOptions { AllowPostCopy = true }.AllowWorkloadDisruption);
        Assert.False(new KubeVirtOptions { AllowPostCopy = true, AllowWorkloadDisruption = false }.AllowWorkloadDisruption);
    }
}
