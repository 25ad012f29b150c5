namespace Orchestrator.Qmp.Tests;

/// <summary>What three releases can do, by QEMU's own history of its migration interface.</summary>
internal static class QemuVersions
{
    public static QemuFeatures Of72 { get; } = new()
    {
        SystemWideRemaining = false,
        PassCountsHonestWithPostcopy = true,
        ExitOnErrorArgument = false,
        AvailSwitchoverBandwidth = false,
        SwitchoverAck = false,
        SwitchoverAckCanStarve = false,
        SwitchesOverOnEstimate = false,
        MultifdWithPostcopy = false,
        CancelRefusedInPostcopy = false,
        PostcopyRecoverSetup = false,
        PostcopyDevice = false,
        FailingStatus = false,
        PostcopyPreempt = true,
        DirtyLimit = false,
        MappedRam = false,
        Channels = false,
        ZeroPageDetection = false,
        VfioMigrationEvents = false,
        Yank = true,
        DirtyRateSampling = true,
        DirtyRateMilliseconds = false,
    };

    public static QemuFeatures Of100 { get; } = Of72 with
    {
        ExitOnErrorArgument = true,
        AvailSwitchoverBandwidth = true,
        SwitchoverAck = true,
        CancelRefusedInPostcopy = true,
        PostcopyRecoverSetup = true,
        DirtyLimit = true,
        MappedRam = true,
        Channels = true,
        ZeroPageDetection = true,
        VfioMigrationEvents = true,
        DirtyRateMilliseconds = true,
    };

    public static QemuFeatures Of111 { get; } = Of100 with
    {
        SystemWideRemaining = true,
        PassCountsHonestWithPostcopy = false,
        MultifdWithPostcopy = true,
        PostcopyDevice = true,
        FailingStatus = true,
    };

    /// <returns>Null for a release this table does not have.</returns>
    public static QemuFeatures? Of(QmpGreeting greeting) => (greeting.Major, greeting.Minor) switch
    {
        (7, 2) => Of72,
        (10, 0) => Of100,
        (11, 1) => Of111,
        _ => null,
    };
}
