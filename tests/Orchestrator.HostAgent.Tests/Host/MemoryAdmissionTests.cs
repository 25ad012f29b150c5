using Orchestrator.HostAgent.Host;

namespace Orchestrator.HostAgent.Tests.Host;

public class MemoryAdmissionTests
{
    private const ulong Gibibyte = 1 << 30;

    [Theory]
    [InlineData(4, 1, true)]
    [InlineData(8, 1, false)]
    [InlineData(8, 1.5, true)]
    public void Judge_ByWhatIsAvailable(int guest, double overcommit, bool fits) =>
        Assert.Equal(fits, MemoryAdmission.Judge((ulong)guest * Gibibyte, 6 * Gibibyte, [], overcommit).Fits);

    [Fact]
    public void Judge_WhatOthersWerePromised_IsTakenOff()
    {
        var verdict = MemoryAdmission.Judge(2 * Gibibyte, 6 * Gibibyte, [3 * Gibibyte, Gibibyte], 1);

        Assert.False(verdict.Fits);
        Assert.Equal(2 * Gibibyte, verdict.Available);
        Assert.Equal((2 * Gibibyte) + MemoryAdmission.EngineOverhead, verdict.Needed);
    }

    [Fact]
    public void Judge_MoreIsPromisedThanThereIs_LeavesNothing() =>
        Assert.Equal(0UL, MemoryAdmission.Judge(1, Gibibyte, [ulong.MaxValue, Gibibyte], 1).Available);

    [Fact]
    public void ResidentBytes_OfThisProcess_IsSome_AndOfNoneIsZero()
    {
        Assert.True(MemoryAdmission.ResidentBytes(Environment.ProcessId) > 1 << 20);
        Assert.Equal(0UL, MemoryAdmission.ResidentBytes(int.MaxValue));
        Assert.Equal(0UL, MemoryAdmission.ParseResidentPages("nonsense"));
    }
}
