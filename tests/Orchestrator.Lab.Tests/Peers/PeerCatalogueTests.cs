using Orchestrator.Lab.Peers;
using Orchestrator.Plant.Description;

namespace Orchestrator.Lab.Tests.Peers;

public class PeerCatalogueTests
{
    [Fact]
    public void Catalogue_HasEveryPeerOnce() => Assert.Equal(
        [
            "ovirt-minimal-downtime", "ovirt-suspend-workload", "ovirt-post-copy", "ovirt-very-large-vms", "ovirt-legacy", "vdsm-2013",
            "nova", "nova-force-complete", "nova-post-copy",
            "kubevirt", "kubevirt-pause", "kubevirt-post-copy", "kubevirt-ramp", "kubevirt-stall", "kubevirt-stall-pause",
            "kubevirt-stall-post-copy",
            "proxmox", "virsh-timeout-suspend", "virsh-timeout-post-copy", "virsh-post-copy-after-precopy", "qemu-plain", "qemu-300ms",
            "doubling-2011",
        ],
        PeerCatalogue.All.Select(peer => peer.Name));

    [Fact]
    public void Peer_IsDescribedInALine() => Assert.All(PeerCatalogue.All, peer =>
    {
        Assert.InRange(peer.Description.Length, 10, 100);
        Assert.NotEmpty(peer.Project);
    });

    [Fact]
    public void Peer_IsAFreshOneForEachMigration() =>
        Assert.All(PeerCatalogue.All, peer => Assert.NotSame(peer.Create(), peer.Create()));

    [Fact]
    public void UnknownName_FindsNone() => Assert.Null(PeerCatalogue.Find("ovirt"));

    /// <summary>No other layer knows a budget, a deadline or what the guest's owner permits.</summary>
    [Fact]
    public void Peer_KnowsNothingOfBudgetDeadlineAndPermits() => Assert.All(PeerCatalogue.All, peer =>
    {
        var migration = Script.Migration(2, vfio: true);
        var strict = migration with
        {
            MaxDowntime = TimeSpan.FromMilliseconds(1),
            Deadline = TimeSpan.FromSeconds(1),
            Permitted = new PermittedMeans { ThrottleMaxPercent = 99, MaxPause = TimeSpan.FromSeconds(9), PostCopy = true },
        };
        Assert.Equal(peer.Create().SetUp(migration), peer.Create().SetUp(strict));
        Assert.Equal(Script.Play(peer.Create(), migration, 2000), Script.Play(peer.Create(), strict, 2000));
    });
}
