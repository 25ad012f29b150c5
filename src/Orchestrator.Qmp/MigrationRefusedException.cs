namespace Orchestrator.Qmp;

/// <summary>Why QEMU did not do what a migration command asked.</summary>
public enum MigrationRefusal
{
    /// <summary>None of the others; see the description. Most often an address that cannot be used.</summary>
    Rejected,

    /// <summary>A migration is under way on this side already.</summary>
    AlreadyRunning,

    /// <summary>
    /// The guest cannot be migrated, or not with these capabilities (VFIO with postcopy-ram): a device is in the way.
    /// </summary>
    Blocked,

    /// <summary>
    /// The migration, or the guest, is not in a state that allows the command; the exception tells which it is in.
    /// </summary>
    WrongState,

    /// <summary>Past the point of no return: there is nothing to cancel back to.</summary>
    InPostcopy,

    /// <summary>The migration was started without capability postcopy-ram.</summary>
    PostcopyNotEnabled,

    /// <summary>This guest migrated away successfully and waits to be released. It must not be continued.</summary>
    MigratedAway,

    /// <summary>This QEMU does not know a capability that was asked for. Nothing was sent.</summary>
    UnknownCapability,

    /// <summary>This QEMU does not know a parameter that was asked for. Nothing was sent.</summary>
    UnknownParameter,
}

/// <summary>QEMU, or <see cref="QemuMonitor"/> in its place, refused a migration command. Nothing changed.</summary>
public sealed class MigrationRefusedException(
    MigrationRefusal refusal, MigrationInfo? migration, VmStatus? guest, string @class, string description)
    : QmpException(@class, description)
{
    public MigrationRefusal Refusal { get; } = refusal;

    /// <summary>The migration as it was right after the refusal; null when nothing was sent.</summary>
    public MigrationInfo? Migration { get; } = migration;

    /// <summary>The guest as it was right after the refusal; null when nothing was sent.</summary>
    public VmStatus? Guest { get; } = guest;
}
