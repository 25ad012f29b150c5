using Orchestrator.Lab.Ours;
using Orchestrator.Lab.Peers;
using Orchestrator.Plant.Description;
using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Running;

/// <summary>A policy that takes part: ours or a peer's.</summary>
/// <param name="Description">One line.</param>
/// <param name="Project">Whose it is.</param>
/// <param name="Create">One object for one migration.</param>
internal sealed record Contestant(string Name, string Description, string Project, Func<MigrationDescription, IManagementPolicy> Create)
{
    public const string OurName = "predictive";

    /// <summary>Ours first.</summary>
    public static IReadOnlyList<Contestant> All { get; } =
    [
        new(
            OurName, "from the numbers, with what the guest's owner permits, gentlest first", "Orchestrator",
            migration => new PolicyManagement(OwnersLadder.Predictive(migration), FleetHistory.OverheadOf(migration))),
        .. PeerCatalogue.All.Select(peer => new Contestant(peer.Name, peer.Description, peer.Project, _ => peer.Create())),
    ];

    public bool IsOurs => Name == OurName;
}
