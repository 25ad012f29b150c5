namespace Orchestrator.Qmp;

/// <summary>
/// In what this QEMU differs from others where migration is concerned: the one place for it. Every line is read off the
/// schema; where a behaviour has no mark of its own, a mark that came in the same release stands for it.
/// </summary>
public sealed record QemuFeatures
{
    /// <summary>
    /// <see cref="MigrationInfo.RemainingBytes"/> is there, and the expected downtime counts devices too (11.1).
    /// </summary>
    public required bool SystemWideRemaining { get; init; }

    /// <summary>
    /// <c>dirty-sync-count</c> counts passes also with capability postcopy-ram. False from 11.1, where every turn of the loop
    /// then is a sync, ten and more a second.
    /// </summary>
    public required bool PassCountsHonestWithPostcopy { get; init; }

    /// <summary>A destination can be told to stay after a failed incoming migration (9.1).</summary>
    public required bool ExitOnErrorArgument { get; init; }

    /// <summary>Parameter <c>avail-switchover-bandwidth</c> (8.2).</summary>
    public required bool AvailSwitchoverBandwidth { get; init; }

    /// <summary>Capability <c>switchover-ack</c> (8.1).</summary>
    public required bool SwitchoverAck { get; init; }

    /// <summary>
    /// With switchover-ack, a guest that dirties RAM faster than it is sent keeps a VFIO device from its turn for ever
    /// (8.1 and 8.2; from 9.0 every device has its turn). The mark is mapped-ram, which came in 9.0.
    /// </summary>
    public required bool SwitchoverAckCanStarve { get; init; }

    /// <summary>
    /// May switch over on an estimate that equals the threshold, without an exact sync: avoid a downtime limit of 0 (10.1
    /// and 10.2). Marks: postcopy-latency came in 10.1, status failing in 11.0, where it was mended.
    /// </summary>
    public required bool SwitchesOverOnEstimate { get; init; }

    /// <summary>multifd and postcopy-ram may be on together (10.1; mark as above).</summary>
    public required bool MultifdWithPostcopy { get; init; }

    /// <summary>
    /// migrate_cancel in postcopy is refused (10.0) and does not destroy the guest. The mark is mode cpr-transfer, which came
    /// in 10.0.
    /// </summary>
    public required bool CancelRefusedInPostcopy { get; init; }

    /// <summary>Status <c>postcopy-recover-setup</c> (9.1).</summary>
    public required bool PostcopyRecoverSetup { get; init; }

    /// <summary>Status <c>postcopy-device</c> (10.2).</summary>
    public required bool PostcopyDevice { get; init; }

    /// <summary>Status <c>failing</c> comes before <c>failed</c> (11.0).</summary>
    public required bool FailingStatus { get; init; }

    /// <summary>Capability <c>postcopy-preempt</c> (7.1).</summary>
    public required bool PostcopyPreempt { get; init; }

    /// <summary>Capability <c>dirty-limit</c> (8.1). Also needs KVM with a dirty ring.</summary>
    public required bool DirtyLimit { get; init; }

    /// <summary>Capability <c>mapped-ram</c> (9.0).</summary>
    public required bool MappedRam { get; init; }

    /// <summary><c>migrate</c> takes <c>channels</c> (8.2).</summary>
    public required bool Channels { get; init; }

    /// <summary>Parameter <c>zero-page-detection</c> (9.0).</summary>
    public required bool ZeroPageDetection { get; init; }

    /// <summary>Event VFIO_MIGRATION (9.1), for devices with migration-events=on.</summary>
    public required bool VfioMigrationEvents { get; init; }

    /// <summary>Command <c>yank</c> (6.0), the way out of a cancel that hangs on a dead peer.</summary>
    public required bool Yank { get; init; }

    /// <summary>Command <c>calc-dirty-rate</c> samples pages and takes the mode by name (6.2).</summary>
    public required bool DirtyRateSampling { get; init; }

    /// <summary>It takes and tells its time in milliseconds, and tells what it really took (<c>calc-time-unit</c>, 8.2).</summary>
    public required bool DirtyRateMilliseconds { get; init; }

    public static QemuFeatures From(QemuSchema schema)
    {
        var systemWideRemaining = schema.HasMigrationInfoMember("remaining");
        var switchoverAck = schema.MigrationCapabilities.Contains("switchover-ack");
        var mappedRam = schema.MigrationCapabilities.Contains("mapped-ram");
        var failing = schema.MigrationStatuses.Contains("failing");
        var latency = schema.HasMigrationInfoMember("postcopy-latency");
        return new QemuFeatures
        {
            SystemWideRemaining = systemWideRemaining,
            PassCountsHonestWithPostcopy = !systemWideRemaining,
            ExitOnErrorArgument = schema.HasArgument("migrate-incoming", "exit-on-error"),
            AvailSwitchoverBandwidth = schema.MigrationParameters.Contains("avail-switchover-bandwidth"),
            SwitchoverAck = switchoverAck,
            SwitchoverAckCanStarve = switchoverAck && !mappedRam,
            SwitchesOverOnEstimate = latency && !failing,
            MultifdWithPostcopy = latency,
            CancelRefusedInPostcopy = schema.MigrationModes.Contains("cpr-transfer"),
            PostcopyRecoverSetup = schema.MigrationStatuses.Contains("postcopy-recover-setup"),
            PostcopyDevice = schema.MigrationStatuses.Contains("postcopy-device"),
            FailingStatus = failing,
            PostcopyPreempt = schema.MigrationCapabilities.Contains("postcopy-preempt"),
            DirtyLimit = schema.MigrationCapabilities.Contains("dirty-limit"),
            MappedRam = mappedRam,
            Channels = schema.HasArgument("migrate", "channels"),
            ZeroPageDetection = schema.MigrationParameters.Contains("zero-page-detection"),
            VfioMigrationEvents = schema.HasEvent("VFIO_MIGRATION"),
            Yank = schema.HasCommand("yank"),
            DirtyRateSampling = schema.HasArgument("calc-dirty-rate", "mode") && schema.HasArgument("calc-dirty-rate", "sample-pages"),
            DirtyRateMilliseconds =
                schema.HasArgument("calc-dirty-rate", "calc-time-unit") && schema.HasArgument("query-dirty-rate", "calc-time-unit"),
        };
    }
}
