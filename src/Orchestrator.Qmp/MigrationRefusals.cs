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

    // In setup without an address it does not listen: some versions leave the status so after an address they could not use.
    public static MigrationRefusal OfIncoming(Scene scene) =>
        scene.Guest.State != RunState.InMigrate ? MigrationRefusal.WrongState
        : scene.Migration.SocketAddresses.Count > 0 || scene.Migration.Status is not (MigrationStatus.None or MigrationStatus.Setup or MigrationStatus.Failed)
            ? MigrationRefusal.AlreadyRunning
        : MigrationRefusal.Rejected;

    public static MigrationRefusal OfCancel(Scene scene) =>
        scene.Migration.Status.IsPostcopy ? MigrationRefusal.InPostcopy : MigrationRefusal.Rejected;

    public static MigrationRefusal OfStartPostcopy(Scene scene) =>
        scene.Migration.Status.IsRunning ? MigrationRefusal.PostcopyNotEnabled : MigrationRefusal.WrongState;

    // VFIO with postcopy-ram or background-snapshot. The one refusal that no state tells: it is no standing blocker, and the
    // capability may be set without any such device. The text is the same in 10.0 and 11.1.
    private static bool IsDeviceAgainstCapability(string description) =>
        description.Contains("migration is not supported with", StringComparison.Ordinal);
}
