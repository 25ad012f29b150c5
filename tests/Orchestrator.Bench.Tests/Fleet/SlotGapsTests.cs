using Orchestrator.Bench.Fleet;

namespace Orchestrator.Bench.Tests.Fleet;

public class SlotGapsTests
{
    [Fact]
    public void Between_TwoSlots_EachEndIsFollowedByTheNextBeginning() =>
        Assert.Equal([2.0, 5.0], Seconds(SlotGaps.Between(2, [At(0), At(1), At(12), At(25)], [At(20), At(10)], At(0), At(100))));

    [Fact]
    public void Between_EndsOutsideTheTime_DoNotCount() =>
        Assert.Equal([5.0], Seconds(SlotGaps.Between(2, [At(0), At(1), At(12), At(25)], [At(10), At(20)], At(15), At(100))));

    [Fact]
    public void Between_AnEndWithoutABeginning_IsLeftOut() =>
        Assert.Equal([2.0], Seconds(SlotGaps.Between(1, [At(0), At(12)], [At(10), At(20)], At(0), At(100))));

    private static DateTimeOffset At(int seconds) => DateTimeOffset.UnixEpoch.AddSeconds(seconds);

    private static IEnumerable<double> Seconds(IEnumerable<TimeSpan> gaps) => gaps.Select(gap => gap.TotalSeconds);
}
