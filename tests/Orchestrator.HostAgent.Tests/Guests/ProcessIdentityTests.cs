using System.Diagnostics;
using System.Globalization;
using Orchestrator.HostAgent.Guests;

namespace Orchestrator.HostAgent.Tests.Guests;

public class ProcessIdentityTests
{
    [Fact]
    public void Of_ThisProcess_IsAliveAndNoOther()
    {
        var self = ProcessIdentity.Of(Environment.ProcessId);

        Assert.NotNull(self);
        Assert.True(self.IsAlive);
        Assert.False((self with { StartTicks = self.StartTicks + 1 }).IsAlive);
        Assert.False((self with { BootId = "another" }).IsAlive);
    }

    [Fact]
    public async Task Kill_EndsTheProcessItMeansAndOnlyThat()
    {
        using var sleeper = Process.Start("sleep", "60");
        var identity = ProcessIdentity.Of(sleeper.Id)!;

        (identity with { StartTicks = identity.StartTicks + 1 }).Kill();
        Assert.True(identity.IsAlive);
        Assert.False(await identity.WaitForExitAsync(TimeSpan.FromMilliseconds(50), TimeProvider.System, CancellationToken.None));

        identity.Kill();
        Assert.True(await identity.WaitForExitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, CancellationToken.None));
        identity.Kill();
    }

    [Fact]
    public void TryParseStat_NameWithParenthesesAndSpaces_IsReadPast()
    {
        var fields = string.Join(' ', Enumerable.Range(4, 40).Select(field => (field * 100).ToString(CultureInfo.InvariantCulture)));

        Assert.True(ProcessIdentity.TryParseStat($"17 (qemu) S (x) R {fields}", out var state, out var startTicks));
        Assert.Equal(('R', 2200UL), (state, startTicks));
        Assert.False(ProcessIdentity.TryParseStat("17 (cut short", out _, out _));
        Assert.False(ProcessIdentity.TryParseStat("", out _, out _));
    }
}
