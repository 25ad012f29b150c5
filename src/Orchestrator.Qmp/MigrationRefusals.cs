namespace Orchestrator.Qmp;

/// <summary>
/// Reads off the state QEMU is in why it refused a command: all refusals have the same class, and their texts change from
/// version to version.
/// </summary>
internal static class MigrationRefusals
{
    internal sealed record Scene(MigrationInfo Migration, VmStatus Guest, string Description);

    public static MigrationRefusal OfCapabilities(Scene scene) =>
        scene.Migration.Status.IsRunning ? MigrationRefusal.AlreadyRunning : MigrationRefusal.Rejected;

    public static MigrationRefusal OfMigrate(Scene scene) =>
        scene.Guest.State == RunState.PostMigrate ? MigrationRefusal.MigratedAway
        : scene.Guest.State == RunState.InMigrate ? MigrationRefusal.WrongState
        : scene.Migration.Status.IsRunning ? MigrationRefusal.AlreadyRunning
        : scene.Migration.BlockedReasons.Count > 0 || IsDeviceAgainstCapability(scene.Description) ? MigrationRefusal.Blocked
        : MigrationRefusal.Rejected;

    public static MigrationRefusal OfResumeOrRecover(Scene scene) =>
        scene.Migration.Status == MigrationStatus.PostcopyPaused ? MigrationRefusal.Rejected : MigrationRefusal.WrongState;

    // Setup alone does not mean that it listens: a version may go there before it finds that it cannot use the address.
    public static MigrationRefusal OfIncoming(Scene scene) =>
        scene.Guest.State != RunState.InMigrate ? MigrationRefusal.WrongState
        : scene.Migration.SocketAddresses.Count > 0 ? MigrationRefusal.AlreadyRunning
        : scene.Migration.Status is MigrationStatus.None or MigrationStatus.Setup or MigrationStatus.Failed ? MigrationRefusal.Rejected
        : MigrationRefusal.AlreadyRunning;

    public static MigrationRefusal OfCancel(Scene scene) =>
        scene.Migration.Status.IsPostcopy ? MigrationRefusal.InPostcopy : MigrationRefusal.Rejected;

    public static MigrationRefusal OfStartPostcopy(Scene scene) =>
        scene.Migration.Status.IsRunning ? MigrationRefusal.PostcopyNotEnabled : MigrationRefusal.WrongState;

    // VFIO with postcopy-ram or background-snapshot. The one refusal that no state tells: it is no standing blocker, and the
    // capability may be set without any such device. The text is the same in 10.0 and 11.1.
    private static bool IsDeviceAgainstCapability(string description) =>
        description.Contains("migration is not supported with", StringComparison.Ordinal);
}
