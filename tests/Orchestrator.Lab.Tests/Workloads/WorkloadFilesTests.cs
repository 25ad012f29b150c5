using Orchestrator.Lab.Workloads;

namespace Orchestrator.Lab.Tests.Workloads;

public class WorkloadFilesTests
{
    [Fact]
    public void OwnFolder_HasManySoundWorkloads_EachSaysWhatItIs()
    {
        var (workloads, faults) = WorkloadFiles.ReadFolder(WorkloadFiles.OwnFolder);
        Assert.Empty(faults);
        Assert.True(workloads.Count >= 60, $"There are {workloads.Count}.");
        Assert.All(workloads, workload => Assert.InRange(workload.Migration.Description.Length, 10, 1000));
    }

    [Fact]
    public void OwnFolder_SpansWhatThereIs()
    {
        var (workloads, _) = WorkloadFiles.ReadFolder(WorkloadFiles.OwnFolder);
        var migrations = workloads.Select(workload => workload.Migration).ToList();
        Assert.True(migrations.Min(migration => migration.Guest.Gibibytes) <= 1);
        Assert.True(migrations.Max(migration => migration.Guest.Gibibytes) >= 2048);
        Assert.True(migrations.Min(migration => migration.Link.BytesPerSecond) <= 125e6);
        Assert.True(migrations.Max(migration => migration.Link.BytesPerSecond) >= 12.5e9);
        Assert.Contains(migrations, migration => migration.Guest.Devices.Any(device => device.StopCopy >= 24L << 30));
        Assert.Contains(migrations, migration => migration.Guest.Devices.Any(device => device.NeedsAck));
    }

    [Fact]
    public void Parse_ManyFaults_NamesThemAllWithPathAndRange()
    {
        List<WorkloadFault> faults = [];
        Assert.Null(WorkloadFiles.Parse("wrong.json", """
            {
              "guest": {
                "memory_bytes": "1KiB",
                "zero_share": 1.5,
                "hot_sets": [{"name": "A", "size_bytes": "4KiB", "write_bytes_per_second": 1, "cpu_share": 2}]
              },
              "link": {"bytes_per_second": "1GB/s", "jitter": 0.95, "changes": [{"start": "1s", "every": "2s", "factor": -1}]},
              "engine": {"version": "6.0"},
              "max_downtime": "0s",
              "permitted": {"throttle_max_percent": 100}
            }
            """, faults));
        var told = faults.Select(fault => fault.ToString()).ToList();
        string[] expected =
        [
            "wrong.json: guest.memory_bytes must be 1048576 to 70368744177664, is 1024",
            "wrong.json: guest.zero_share must be 0 to 1, is 1.5",
            "wrong.json: guest.hot_sets[0].cpu_share must be above 0 and at most 1, is 2; 0 means 1",
            "wrong.json: link.jitter must be 0 to 0.9, is 0.95",
            "wrong.json: link.changes[0].every needs lasts: what never ends does not come again",
            "wrong.json: link.changes[0].factor must be 0 to 1000, is -1",
            "wrong.json: engine.version must be one of 7.2, 8.2, 9.2, 10.0, 10.1, 11.0, 11.1, is \"6.0\"",
            "wrong.json: max_downtime must be 1 ms to 2000 s, is 0 ms",
            "wrong.json: deadline is missing; 1 s to 7 d",
            "wrong.json: permitted.throttle_max_percent must be 0 to 99, is 100",
        ];
        Assert.All(expected, line => Assert.Contains(line, told));
    }

    [Fact]
    public void Parse_UnknownField_IsNamedWithWhatIsAllowed()
    {
        List<WorkloadFault> faults = [];
        Assert.Null(WorkloadFiles.Parse("wrong.yaml", "guest:\n  memory: 1GiB\n", faults));
        var fault = Assert.Single(faults);
        Assert.Equal("wrong.yaml:2", fault.File);
        Assert.Equal("guest.memory", fault.Field);
        Assert.Contains("memory_bytes", fault.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadFolder_NothingThere_SaysSo()
    {
        var (workloads, faults) = WorkloadFiles.ReadFolder(Path.Combine(AppContext.BaseDirectory, "no-such-folder"));
        Assert.Empty(workloads);
        Assert.Contains("has no workload", Assert.Single(faults).Description, StringComparison.Ordinal);
    }
}
