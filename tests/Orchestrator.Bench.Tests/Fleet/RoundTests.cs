using Orchestrator.Bench.Fleet;

namespace Orchestrator.Bench.Tests.Fleet;

public class RoundTests
{
    [Fact]
    public void Parse_TheDispatchersLine_HasAllItsFigures()
    {
        const string Line = "2026-05-01T12:00:00.250Z dbug: Orchestrator.ControlPlane.Queue.Dispatcher[4] Looked at 10000 that wait and 2450 that run: "
            + "12 admitted, 13 may transfer, 140 shares told; read 61.5, decided 41.0, wrote 9.8 ms.";

        var round = Round.Parse(Line);

        Assert.Equal(
            new Round(DateTimeOffset.UnixEpoch.AddYears(56).AddMonths(4).AddHours(12).AddMilliseconds(250), 10_000, 2450, 12, 13, 140, 61.5, 41, 9.8), round);
        Assert.Equal(112.3, round!.TotalMs, 6);
    }

    [Theory]
    [InlineData("2026-05-01T12:00:00.250Z info: Orchestrator.ControlPlane.Queue.Dispatcher[1] Let 1 migrations through to be prepared.")]
    [InlineData("")]
    public void Parse_AnotherLine_IsNothing(string line) => Assert.Null(Round.Parse(line));
}
