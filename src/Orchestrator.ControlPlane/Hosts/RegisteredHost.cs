using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>A host as the ledger has it. Whether its agent answers this replica now is asked of <see cref="AgentLinks"/>.</summary>
/// <param name="CordonReason">Empty unless cordoned.</param>
internal sealed record RegisteredHost(
    AgentAddress Address,
    IReadOnlyDictionary<string, string> Labels,
    bool Cordoned,
    string CordonReason,
    DateTimeOffset RegisteredAt,
    DateTimeOffset LastSeenAt,
    HostDescription Description)
{
    public string HostId => Address.HostId;

    public HostLiveness Liveness { get; init; } = HostLiveness.Heard;
}

internal enum RegisterHostOutcome
{
    Registered,

    /// <summary>Known already under the same endpoint; labels are as asked for now.</summary>
    RegisteredBefore,

    /// <summary>Another endpoint has the id.</summary>
    Exists,
}

internal enum RemoveHostOutcome
{
    Removed,
    Unknown,

    /// <summary>Guests are on it or a migration goes there.</summary>
    InUse,
}
