using Orchestrator.Plant.Management;

namespace Orchestrator.Lab.Peers;

/// <summary>Another management layer's way with a migration.</summary>
/// <param name="Name">As the tables print it.</param>
/// <param name="Description">One line.</param>
/// <param name="Project">Whose source it was read from.</param>
/// <param name="Create">A fresh one for each migration.</param>
internal sealed record Peer(string Name, string Description, string Project, Func<IManagementPolicy> Create);
