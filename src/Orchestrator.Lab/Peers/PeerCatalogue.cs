using Orchestrator.Lab.Peers.KubeVirt;
using Orchestrator.Lab.Peers.Nova;
using Orchestrator.Lab.Peers.Ovirt;
using Orchestrator.Lab.Peers.Proxmox;
using Orchestrator.Lab.Peers.Qemu;
using Orchestrator.Lab.Peers.Virsh;

namespace Orchestrator.Lab.Peers;

/// <summary>Every policy of another layer that the laboratory measures ours against, with the settings that layer is shipped with.</summary>
internal static class PeerCatalogue
{
    public static IReadOnlyList<Peer> All { get; } = [.. Ovirt(), .. Nova(), .. KubeVirt(), .. Others()];

    /// <returns>Null when there is none of that name.</returns>
    public static Peer? Find(string name) => All.FirstOrDefault(peer => peer.Name == name);

    private static IEnumerable<Peer> Ovirt()
    {
        const string Project = "oVirt";
        yield return new(
            "ovirt-minimal-downtime", "100 to 500 ms by passes, then abort", Project, () => new MonitorThread(ShippedPolicies.MinimalDowntime));
        yield return new(
            "ovirt-suspend-workload",
            "100 to 500 ms by passes, once 5 s, then abort",
            Project,
            () => new MonitorThread(ShippedPolicies.SuspendWorkload));
        yield return new(
            "ovirt-post-copy", "100 to 200 ms by passes, then post-copy", Project, () => new MonitorThread(ShippedPolicies.PostCopy));
        yield return new(
            "ovirt-very-large-vms",
            "300 to 1500 ms by passes, once 5 s, then abort",
            Project,
            () => new MonitorThread(ShippedPolicies.VeryLargeVms));
        yield return new(
            "ovirt-legacy", "vdsm's own: 101 to 500 ms, patience at the top, then abort", Project, () => new MonitorThread(ShippedPolicies.Legacy));
        yield return new(
            "vdsm-2013", "101 to 500 ms by the clock; abort after 64 s/GiB or 240 s without a new low", Project, () => new Vdsm2013());
    }

    private static IEnumerable<Peer> Nova()
    {
        const string Project = "OpenStack Nova";
        yield return new("nova", "50 to 500 ms by the clock, abort after 800 s/GiB", Project, () => new NovaMonitor(new NovaOptions()));
        yield return new(
            "nova-force-complete",
            "50 to 500 ms by the clock, pause after 800 s/GiB",
            Project,
            () => new NovaMonitor(new NovaOptions { TimeoutAction = TimeoutAction.ForceComplete }));
        yield return new(
            "nova-post-copy",
            "50 to 500 ms by the clock, post-copy after 800 s/GiB",
            Project,
            () => new NovaMonitor(new NovaOptions { TimeoutAction = TimeoutAction.ForceComplete, PermitPostCopy = true }));
    }

    private static IEnumerable<Peer> KubeVirt()
    {
        const string Project = "KubeVirt";
        var plain = new KubeVirtOptions();
        var pause = new KubeVirtOptions { AllowWorkloadDisruption = true };
        var postCopy = new KubeVirtOptions { AllowPostCopy = true };
        yield return new("kubevirt", "300 ms, abort after 150 s/GB or 150 s without a byte", Project, () => new LegacyMonitor(plain, ramp: null));
        yield return new("kubevirt-pause", "300 ms, pause after 150 s/GB", Project, () => new LegacyMonitor(pause, ramp: null));
        yield return new("kubevirt-post-copy", "300 ms, post-copy after 150 s/GB", Project, () => new LegacyMonitor(postCopy, ramp: null));
        yield return new(
            "kubevirt-ramp",
            "150 to 900 ms from pass 3 on, then as kubevirt",
            Project,
            () => new LegacyMonitor(plain, new DowntimeRamp(plain.MaxDowntimeMilliseconds)));
        yield return new("kubevirt-stall", "stall detector: 900 ms where it may do, else abort", Project, () => new StallMonitor(plain));
        yield return new("kubevirt-stall-pause", "stall detector: a switch-over of any length", Project, () => new StallMonitor(pause));
        yield return new("kubevirt-stall-post-copy", "stall detector: post-copy", Project, () => new StallMonitor(postCopy));
    }

    private static IEnumerable<Peer> Others()
    {
        yield return new("proxmox", "100 ms doubled for every six rises of what remains, to 2000 s", "Proxmox VE", () => new MigrationLoop());
        yield return new(
            "virsh-timeout-suspend", "300 ms, pause after 30 s", "libvirt", () => new TimeoutWatch(OnTimeout.Suspend, TimeoutWatch.UsualTimeout));
        yield return new(
            "virsh-timeout-post-copy",
            "300 ms, post-copy after 30 s",
            "libvirt",
            () => new TimeoutWatch(OnTimeout.PostCopy, TimeoutWatch.UsualTimeout));
        yield return new("virsh-post-copy-after-precopy", "post-copy after the first pass", "libvirt", () => new PostCopyAfterPreCopy());
        yield return new("qemu-plain", "300 ms and 128 MiB/s for ever", "QEMU", () => new Unattended(Unattended.UsualMaxBandwidth));
        yield return new("qemu-300ms", "300 ms for ever, no cap", "QEMU", () => new Unattended(maxBandwidth: 0));
        yield return new("doubling-2011", "30 ms doubled every minute", "QEMU", () => new Doubling2011());
    }
}
