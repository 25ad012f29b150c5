using Orchestrator.Agent.V1;
using Orchestrator.V1;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios;

/// <summary>What the source's agent measures of its guest's writing while the engine itself cannot tell yet.</summary>
[Collection(FleetScenarios.Name)]
public class ProbingScenarios(ScenarioFleet fleet)
{
    private const ulong Mebibyte = 1 << 20;

    /// <summary>16 MiB, written page after page at 32 MiB/s: all of it in half a second and more.</summary>
    private static readonly Load s_load = new(16, 32, 1);

    [Fact]
    public async Task FirstPass_ProbesAreWithinAFactorOfTwoOfWhatIsWritten()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, s_load);
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(Doubling(30)), 30);

        var probes = await ProbesOfFirstPassAsync(id, atLeast: 2, guest.Patience);

        Assert.All(probes, probe => Assert.InRange(probe.Bytes, Written(probe) / 2, Written(probe) * 2));
        await fleet.ControlPlane.Migrations.CancelMigrationAsync(new CancelMigrationRequest { MigrationId = id, Reason = "seen enough" });
        Assert.Equal(MigrationPhase.Cancelled, (await guest.AwaitEndAsync(id)).Phase);
        await guest.AssertStayedAsync();
    }

    private static ulong Written(DirtyProbe probe) =>
        (ulong)(Math.Min(s_load.WorkingSetMebibytes, s_load.DirtyMebibytes * probe.Interval.ToTimeSpan().TotalSeconds) * Mebibyte);

    private async Task<IReadOnlyCollection<DirtyProbe>> ProbesOfFirstPassAsync(string migrationId, int atLeast, CancellationToken patience)
    {
        HashSet<DirtyProbe> probes = [];
        using var reports = fleet.HostA.Agent.Observe(new ObserveRequest(), cancellationToken: patience);
        while (probes.Count < atLeast && await reports.ResponseStream.MoveNext(patience))
        {
            foreach (var report in reports.ResponseStream.Current.Reports.Where(report => report.MigrationId == migrationId && report.Numbers is not null))
            {
                Assert.True(report.Numbers.FirstPass, $"No {atLeast} probes in the first pass, the last report was {report}");
                if (report.Numbers.DirtyProbe is { } probe)
                {
                    probes.Add(probe);
                }
            }
        }

        return probes;
    }
}
