using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>When a host was last heard, as the ledger has it: the same for every replica.</summary>
/// <param name="Silence">By the database's clock, when the row was read.</param>
/// <param name="ConnectedSince">Null when it has not been heard since that is written down.</param>
/// <param name="DeadAt">Null unless it is dead.</param>
/// <param name="DeadReason">Why, and by whom; empty unless it is dead.</param>
internal sealed record HostLiveness(TimeSpan Silence, DateTimeOffset? ConnectedSince, DateTimeOffset? DeadAt, string DeadReason)
{
    /// <summary>Of a host that is being registered.</summary>
    public static HostLiveness Heard { get; } = new(TimeSpan.Zero, null, null, "");

    /// <summary>From columns.</summary>
    public static HostLiveness Of(TimeSpan silence, DateTime? connectedSince, DateTime? deadAt, string deadReason) =>
        new(silence, Utc(connectedSince), Utc(deadAt), deadReason);

    public bool IsDead => DeadAt is not null;

    /// <summary>One that was registered and whose reports have not been heard yet is not connected.</summary>
    public HostState StateBy(HostLivenessOptions options) =>
        IsDead ? HostState.Dead
        : Silence >= options.LostAfter ? HostState.Lost
        : Silence >= options.SuspectSilence || ConnectedSince is null ? HostState.Suspect
        : HostState.Connected;

    private static DateTimeOffset? Utc(DateTime? time) => time is { } utc ? new DateTimeOffset(utc, TimeSpan.Zero) : null;
}
