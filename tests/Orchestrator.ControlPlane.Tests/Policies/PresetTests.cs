using Orchestrator.ControlPlane.Policies;
using Orchestrator.Policy.Convergence;
using Orchestrator.PolicyMessages;
using Orchestrator.TestPostgres;

namespace Orchestrator.ControlPlane.Tests.Policies;

public sealed class PresetTests(PostgresFixture database) : IClassFixture<PostgresFixture>
{
    private static readonly string[] s_presets =
    [
        "doubling", "kubevirt", "kubevirt-ramp", "minimal-downtime", "nova", "nova-force-complete", "nova-post-copy", "ovirt-minimal-downtime",
        "ovirt-post-copy", "ovirt-suspend-workload", "ovirt-very-large-vms", "post-copy", "predictive", "predictive-gpu", "predictive-post-copy",
        "predictive-suspend", "proxmox", "qemu-300ms", "suspend-if-needed", "vfio-gpu", "virsh-timeout-suspend",
    ];

    private readonly PolicyStore _policies = new(Gate.To(database));

    [Fact]
    public async Task Presets_AreAllThere_AndSoundAndSayWhatTheyAre()
    {
        var presets = await _policies.ListAsync("", 100, withDeleted: true, CancellationToken.None);

        Assert.Equal(s_presets, presets.Select(preset => preset.Name));
        foreach (var preset in presets)
        {
            Assert.NotNull(PolicyDocumentParser.Parse(preset.Document, out var violations));
            Assert.Empty(violations.Found);
            Assert.InRange(preset.Document.Description.Length, 50, 1000);
            Assert.True(preset is { Preset: true, Deleted: false, Revision: 1 });
        }
    }

    [Fact]
    public async Task DefaultPolicy_IsAPreset() => Assert.NotNull(await FindAsync(new DefaultPolicyOptions().DefaultPolicy));

    [Fact]
    public async Task Nova_ClimbsElevenValuesFrom50To500()
    {
        var nova = await FindAsync("nova");
        var rungs = ((Pacing.Ladder)nova.Pacing!).Rungs;
        Assert.Equal(
            Enumerable.Range(0, 11).Select(i => 50.0 + (45 * i)),
            rungs.Select(rung => rung.Limit.TotalMilliseconds).Prepend(nova.InitialDowntime.TotalMilliseconds));
        Assert.All(rungs, rung => Assert.Equal(new RungWait.TimePerGibibyte(TimeSpan.FromSeconds(75)), rung.After));
        Assert.Equal([new Trigger.ElapsedAbovePerGibibyte(TimeSpan.FromSeconds(800))], nova.Steps[^1].When);
    }

    [Theory]
    [InlineData("ovirt-minimal-downtime", new[] { 100, 150, 200, 300, 400, 500 }, 8)]
    [InlineData("ovirt-suspend-workload", new[] { 100, 150, 200, 300, 400, 500, 5000 }, 9)]
    [InlineData("ovirt-post-copy", new[] { 100, 150, 200 }, 4)]
    [InlineData("ovirt-very-large-vms", new[] { 300, 400, 500, 700, 1000, 1500, 5000 }, 9)]
    public async Task Ovirt_ClimbsByPasses(string name, int[] limits, int lastAbove)
    {
        var policy = await FindAsync(name);
        var rungs = ((Pacing.Ladder)policy.Pacing!).Rungs;
        Assert.Equal(limits, rungs.Select(rung => (int)rung.Limit.TotalMilliseconds).Prepend((int)policy.InitialDowntime.TotalMilliseconds));
        Assert.Equal([new Trigger.PassesAbove(lastAbove)], policy.Steps[^1].When);

        // A stalling limit L fires at the first new pass with more than L passes since the first look, which is in pass 1.
        var passesOfRungs = rungs.Aggregate(new List<int> { 1 }, (at, rung) => [.. at, at[^1] + ((RungWait.Passes)rung.After).Count]).Skip(1);
        int[] stallingLimits = [1, 2, 3, 4, 6];
        Assert.Equal(
            stallingLimits.Take(rungs.Count).Select(limit => limit + 2).Concat(rungs.Count == 6 ? [9] : []), passesOfRungs);
        Assert.Equal(policy.Steps[^1].Action is LadderAction.PostCopy, name == "ovirt-post-copy");
    }

    [Fact]
    public async Task Proxmox_DoublesUpTo2000Seconds()
    {
        var proxmox = await FindAsync("proxmox");
        Assert.Equal(TimeSpan.FromMilliseconds(100), proxmox.InitialDowntime);
        Assert.Equal(TimeSpan.FromMilliseconds(2_000_000), proxmox.MaxDowntime);
        Assert.Equal(2, ((Pacing.Exponential)proxmox.Pacing!).Factor);
    }

    [Fact]
    public async Task Kubevirt_KeepsTheEnginesLimit_AndTheRampStepsAsItDoes()
    {
        var plain = await FindAsync("kubevirt");
        Assert.Equal((300, 300), ((int)plain.InitialDowntime.TotalMilliseconds, (int)plain.MaxDowntime.TotalMilliseconds));
        Assert.Equal(
            [new Trigger.ElapsedAbovePerGibibyte(TimeSpan.FromSeconds(150)), new Trigger.NoProgressFor(TimeSpan.FromSeconds(150))],
            plain.Steps[^1].When);

        // step = (900 - 150) / 7 in whole milliseconds.
        var ramp = await FindAsync("kubevirt-ramp");
        Assert.Equal(
            [150, 257, 364, 471, 578, 685, 792, 899, 900],
            ((Pacing.Ladder)ramp.Pacing!).Rungs.Select(rung => (int)rung.Limit.TotalMilliseconds).Prepend((int)ramp.InitialDowntime.TotalMilliseconds));
    }

    [Fact]
    public async Task VfioGpu_NeitherPostCopiesNorThrottlesHard()
    {
        var steps = (await FindAsync("vfio-gpu")).Steps;
        Assert.DoesNotContain(steps, step => step.Action is LadderAction.PostCopy);
        Assert.Equal(40, Assert.Single(steps.Select(step => step.Action).OfType<LadderAction.Throttle>()).MaxPercent);
    }

    private async Task<ConvergenceDocument> FindAsync(string name) => PolicyDocumentParser.ParseStored(
        (await _policies.FindAsync(name, 0, CancellationToken.None) ?? throw new InvalidOperationException(name)).Document);
}
