using Google.Protobuf;
using Orchestrator.V1;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios;

/// <summary>
/// Migrations of every kind, asked again afterwards. With ORCHESTRATOR_RECORDINGS set to a folder they are kept there, in the form that
/// tests/Orchestrator.PolicyMessages.Tests/Recordings has them.
/// </summary>
[Collection(FleetScenarios.Name)]
public class RecordingScenarios(ScenarioFleet fleet)
{
    private static readonly string? s_folder = Environment.GetEnvironmentVariable("ORCHESTRATOR_RECORDINGS");
    private static readonly JsonFormatter s_json = new(JsonFormatter.Settings.Default.WithIndentation());

    [Fact]
    public async Task Converging() => await RecordAsync("converging", Load.Light with { BandwidthMebibytes = 8 }, "suspend-if-needed", 1000);

    [Fact]
    public async Task NotConverging_LimitRaised()
    {
        await RecordAsync("limit-raised", Load.Heavy, await fleet.PolicyAsync(Doubling(capMilliseconds: 10_000)), 8000);

        // It completed by pre-copy alone, so it has taught something.
        var calibration = Assert.Single((await fleet.ControlPlane.Migrations.ListCalibrationsAsync(new ListCalibrationsRequest())).Calibrations);
        Assert.Equal(("qemu", "", calibration.SourceEngineVersion), (calibration.Engine, calibration.DeviceKind, calibration.TargetEngineVersion));
        Assert.NotEqual("", calibration.SourceEngineVersion);
        Assert.True(calibration.Migrations >= 1);
    }

    [Fact]
    public async Task Throttled()
    {
        var document = WhenStalled(
            new LadderStep { Throttle = new Throttle { InitialPercent = 50, IncrementPercent = 40, MaxPercent = 99 } }, capMilliseconds: 500);
        document.InitialDowntime = Milliseconds(500);
        await RecordAsync("throttled", Load.Heavy with { BandwidthMebibytes = 2, CpuBound = true }, await fleet.PolicyAsync(document), 500);
    }

    [Fact]
    public async Task PostCopy() => await RecordAsync(
        "post-copy",
        Load.Heavy,
        await fleet.PolicyAsync(WhenStalled(new LadderStep { PostCopy = new PostCopy() }, capMilliseconds: 200)),
        200);

    [Fact]
    public async Task Aborted() => await RecordAsync(
        "aborted", Load.Heavy, await fleet.PolicyAsync(WhenStalled(new LadderStep { Abort = new Abort() }, capMilliseconds: 30)), 30);

    [Fact]
    public async Task PausedInVain()
    {
        // 8 MiB do not fit through 8 MiB/s in 300 ms.
        var document = WhenStalled(new LadderStep { Pause = new Pause { MaxPause = Milliseconds(300) } }, capMilliseconds: 30);
        document.Steps[^1].When.Clear();
        document.Steps[^1].When.Add(Stalled());
        await RecordAsync("paused-in-vain", Load.Heavy, await fleet.PolicyAsync(document), 30);
    }

    [Fact]
    public async Task Predicted()
    {
        var document = new PolicyDocument
        {
            InitialDowntime = Milliseconds(30),
            MaxDowntime = Milliseconds(300),
            Predictive = new PredictivePacing(),
            Steps = { Raise(), new LadderStep { PostCopy = new PostCopy() } },
        };
        await RecordAsync("predicted", Load.Heavy, await fleet.PolicyAsync(document), 300);
    }

    /// <summary>Not killed: the readings of a process's last half second go with it, and what it learnt from them may not.</summary>
    [Fact]
    public async Task ControlPlaneRestartedInTheCopy_WhatItHadNotSavedIsLearntAnew_InTheReplayToo()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(Doubling(capMilliseconds: 10_000)), 8000);
        var before = await guest.AwaitAsync(id, migration => migration.LatestReading?.Pass >= 3);

        await fleet.ControlPlane.Process.StopAsync();
        await fleet.ControlPlane.StartAsync(guest.Patience);

        var migration = await guest.AwaitEndAsync(id);
        await guest.AssertMovedAsync(migration);
        Assert.True(migration.Epoch > before.Epoch, "it was taken over");
        await guest.AssertReplaysAsync(migration);
    }

    private async Task RecordAsync(string name, Load load, string policy, int budgetMilliseconds)
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, load);
        var id = await guest.MigrateAsync(policy, budgetMilliseconds);
        var migration = await guest.AwaitEndAsync(id);

        var replay = await guest.AssertReplaysAsync(migration);

        var readings = await guest.AwaitReadingsAsync(id, migration.LatestReading.Sequence);
        var decisions = await guest.DecisionsAsync(id);
        Assert.Equal(decisions, replay.Steps.Select(step => step.Recorded));
        Assert.All(replay.Steps, step => Assert.Equal((step.Recorded.Rule, step.Recorded.Reason), (step.Replayed.Rule, step.Replayed.Reason)));
        var other = await fleet.ControlPlane.Migrations.ReplayMigrationAsync(
            new ReplayMigrationRequest { MigrationId = id, Policy = "doubling", MaxDowntime = Milliseconds(1) });
        Assert.Equal(replay.Readings, other.Readings);
        if (s_folder is not null)
        {
            await KeepAsync(Path.Combine(s_folder, name), policy, new Recorded(readings, decisions, replay));
        }
    }

    private async Task KeepAsync(string folder, string policy, Recorded recorded)
    {
        Directory.CreateDirectory(folder);
        var stored = await fleet.ControlPlane.Policies.GetPolicyAsync(new GetPolicyRequest { Name = policy });
        await WriteAsync("readings.json", new ListReadingsResponse { Readings = { recorded.Readings } });
        await WriteAsync("decisions.json", new ListDecisionsResponse { Decisions = { recorded.Decisions } });
        await WriteAsync("replay.json", new ReplayMigrationResponse { Terms = recorded.Replay.Terms, Policy = policy, Revision = stored.Policy.Revision });
        await WriteAsync("policy.json", new GetPolicyResponse { Policy = stored.Policy });

        Task WriteAsync(string file, IMessage message) => File.WriteAllTextAsync(Path.Combine(folder, file), s_json.Format(message) + "\n");
    }

    private sealed record Recorded(IReadOnlyList<Reading> Readings, IReadOnlyList<Decision> Decisions, ReplayMigrationResponse Replay);
}
