namespace Orchestrator.Qmp.Tests;

/// <summary>What came out of one recorded migration, as a reader of the recording put it down.</summary>
internal sealed record RecordedOutcome(string Case)
{
    private const ulong Guest256 = 268_967_936;
    private const ulong Guest64 = 67_641_344;

    /// <summary>Status in the last query-migrate of the source.</summary>
    public required MigrationStatus Final { get; init; }

    /// <summary>State of the source guest in its last query-status.</summary>
    public required RunState Guest { get; init; }

    /// <summary>Statuses of the MIGRATION events of the source; empty without capability events.</summary>
    public required string Source { get; init; }

    /// <summary>The same of the destination.</summary>
    public required string Destination { get; init; }

    /// <summary>MIGRATION_PASS events of the source: how many, the first, the last.</summary>
    public (int Count, long First, long Last)? Passes { get; init; }

    public ulong? TotalBytes { get; init; }

    /// <summary>ram.remaining in the last reply that had numbers and was not completed.</summary>
    public ulong? LastRemainingBytes { get; init; }

    /// <summary>The top-level remaining of the same reply; only 11.1 has it.</summary>
    public ulong? LastSystemWideBytes { get; init; }

    public long? DowntimeMilliseconds { get; init; }

    public ulong? VfioBytes { get; init; }

    public string? Error { get; init; }

    public string? Blocked { get; init; }

    /// <summary>The error reply that the source gave to a command.</summary>
    public string? Refused { get; init; }

    public static IReadOnlyList<RecordedOutcome> All { get; } =
    [
        new("7.2.22/auto-converge")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active completed", Destination = "setup active completed",
            Passes = (23, 1, 23), TotalBytes = Guest256, LastRemainingBytes = 5_021_696, DowntimeMilliseconds = 4,
        },
        new("7.2.22/cancelled")
        {
            Final = MigrationStatus.Cancelled, Guest = RunState.Running,
            Source = "setup active cancelling cancelled", Destination = "setup active failed",
            Passes = (1, 1, 1), TotalBytes = Guest256, LastRemainingBytes = 199_925_760,
        },
        new("7.2.22/connection-refused")
        {
            Final = MigrationStatus.Failed, Guest = RunState.Running,
            Source = "setup failed", Destination = "",
            Error = "Failed to connect to '127.0.0.1:46405': Connection refused",
        },
        new("7.2.22/converging")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active completed", Destination = "setup active completed",
            Passes = (6, 1, 6), TotalBytes = Guest256, LastRemainingBytes = 14_610_432, DowntimeMilliseconds = 6,
        },
        new("7.2.22/destination-killed")
        {
            Final = MigrationStatus.Failed, Guest = RunState.Running,
            Source = "setup active failed", Destination = "setup active",
            Passes = (1, 1, 1), TotalBytes = Guest256, LastRemainingBytes = 199_823_360,
            Error = "Unable to write to socket: Connection reset by peer",
        },
        new("7.2.22/non-converging")
        {
            Final = MigrationStatus.Cancelled, Guest = RunState.Running,
            Source = "setup active cancelling cancelled", Destination = "setup active failed",
            Passes = (7, 1, 7), TotalBytes = Guest256, LastRemainingBytes = 59_645_952,
        },
        new("7.2.22/pause-before-switchover")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active pre-switchover device completed", Destination = "setup active completed",
            Passes = (6, 1, 6), TotalBytes = Guest256, LastRemainingBytes = 11_317_248, DowntimeMilliseconds = 1_104,
        },
        new("7.2.22/postcopy")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active postcopy-active completed", Destination = "setup active postcopy-active completed",
            Passes = (2, 1, 2), TotalBytes = Guest256, LastRemainingBytes = 2_723_840, DowntimeMilliseconds = 2_925_444,
        },
        new("7.2.22/switchover-ack-unknown-capability")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "", Destination = "setup",
            TotalBytes = Guest256, LastRemainingBytes = 14_651_392, DowntimeMilliseconds = 10,
            Refused = "Parameter 'capability' does not accept value 'switchover-ack'",
        },
        new("10.0.2/cancelled")
        {
            Final = MigrationStatus.Cancelled, Guest = RunState.Running,
            Source = "setup active cancelling cancelled", Destination = "setup active failed",
            Passes = (1, 1, 1), TotalBytes = Guest256, LastRemainingBytes = 198_836_224,
        },
        new("10.0.2/connection-refused")
        {
            Final = MigrationStatus.Failed, Guest = RunState.Running,
            Source = "setup failed", Destination = "",
            Error = "Failed to connect to '127.0.0.1:42155': Connection refused",
        },
        new("10.0.2/converging")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device completed", Destination = "setup active completed",
            Passes = (5, 1, 5), TotalBytes = Guest256, LastRemainingBytes = 14_352_384, DowntimeMilliseconds = 10,
        },
        new("10.0.2/destination-killed")
        {
            Final = MigrationStatus.Failed, Guest = RunState.Running,
            Source = "setup active failed", Destination = "setup active",
            Passes = (1, 1, 1), TotalBytes = Guest256, LastRemainingBytes = 198_795_264,
            Error = "Unable to write to socket: Connection reset by peer",
        },
        new("10.0.2/multifd")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device completed", Destination = "setup active completed",
            Passes = (5, 1, 5), TotalBytes = Guest256, LastRemainingBytes = 16_949_248, DowntimeMilliseconds = 8,
        },
        new("10.0.2/non-converging-then-downtime-raised")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device completed", Destination = "setup active completed",
            Passes = (8, 1, 8), TotalBytes = Guest256, LastRemainingBytes = 36_261_888, DowntimeMilliseconds = 40,
        },
        new("10.0.2/non-converging")
        {
            Final = MigrationStatus.Cancelled, Guest = RunState.Running,
            Source = "setup active cancelling cancelled", Destination = "setup active failed",
            Passes = (7, 1, 7), TotalBytes = Guest256, LastRemainingBytes = 36_188_160,
        },
        new("10.0.2/pause-before-switchover")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active pre-switchover device completed", Destination = "setup active completed",
            Passes = (6, 1, 6), TotalBytes = Guest256, LastRemainingBytes = 11_165_696, DowntimeMilliseconds = 1_213,
        },
        new("10.0.2/postcopy-paused-recovered")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device postcopy-active postcopy-paused"
                + " postcopy-recover-setup postcopy-recover postcopy-active completed",
            Destination = "setup active postcopy-active postcopy-paused postcopy-recover postcopy-active completed",
            Passes = (2, 1, 2), TotalBytes = Guest256, LastRemainingBytes = 196_608, DowntimeMilliseconds = 1,
        },
        new("10.0.2/postcopy")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device postcopy-active completed", Destination = "setup active postcopy-active completed",
            Passes = (2, 1, 2), TotalBytes = Guest256, LastRemainingBytes = 7_839_744, DowntimeMilliseconds = 2,
        },
        new("10.0.2/switchover-ack")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device completed", Destination = "setup active completed",
            Passes = (6, 1, 6), TotalBytes = Guest256, LastRemainingBytes = 10_698_752, DowntimeMilliseconds = 15,
        },
        new("10.0.2/vfio-auto")
        {
            Final = MigrationStatus.Failed, Guest = RunState.Running,
            Source = "setup active failed", Destination = "setup active",
            Passes = (1, 1, 1), Error = "ram_save_setup failed: Operation not supported",
        },
        new("10.0.2/vfio-destination-stuck-in-resuming")
        {
            Final = MigrationStatus.Failed, Guest = RunState.Running,
            Source = "setup active failed", Destination = "setup active",
            Passes = (1, 1, 1), Error = "Sibling indicated error 1",
        },
        new("10.0.2/vfio-device-dirty-tracking-fails")
        {
            Final = MigrationStatus.Failed, Guest = RunState.Running,
            Source = "setup active failed", Destination = "setup",
            Passes = (1, 1, 1), Error = "ram_save_setup failed: Operation not supported",
        },
        new("10.0.2/vfio-multifd")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device completed", Destination = "setup active completed",
            Passes = (3, 1, 3), TotalBytes = Guest64, DowntimeMilliseconds = 48, VfioBytes = 4_252,
        },
        new("10.0.2/vfio-off")
        {
            Final = MigrationStatus.None, Guest = RunState.Running,
            Source = "", Destination = "setup",
            Blocked = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001: Migration is disabled for VFIO device",
            Refused = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001: Migration is disabled for VFIO device",
        },
        new("10.0.2/vfio-postcopy-refused")
        {
            Final = MigrationStatus.None, Guest = RunState.Running,
            Source = "", Destination = "setup",
            Refused = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001: VFIO migration is not supported with postcopy migration",
        },
        new("10.0.2/vfio-switchover-ack")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device completed", Destination = "setup active completed",
            Passes = (10, 1, 10), TotalBytes = Guest64, DowntimeMilliseconds = 58, VfioBytes = 96,
        },
        new("11.1.3/cancelled")
        {
            Final = MigrationStatus.Cancelled, Guest = RunState.Running,
            Source = "setup active cancelling cancelled", Destination = "setup active failed",
            TotalBytes = Guest256, LastRemainingBytes = 198_926_336, LastSystemWideBytes = 200_630_272,
        },
        new("11.1.3/connection-refused")
        {
            Final = MigrationStatus.Failed, Guest = RunState.Running,
            Source = "setup failing failed", Destination = "",
            Error = "Failed to connect to '127.0.0.1:42163': Connection refused",
        },
        new("11.1.3/converging")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device completed", Destination = "setup active completed",
            Passes = (4, 2, 5), TotalBytes = Guest256, LastRemainingBytes = 10_293_248, LastSystemWideBytes = 15_405_056,
            DowntimeMilliseconds = 5,
        },
        new("11.1.3/multifd")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device completed", Destination = "setup active completed",
            Passes = (3, 2, 4), TotalBytes = Guest256, LastRemainingBytes = 16_031_744, LastSystemWideBytes = 22_323_200,
            DowntimeMilliseconds = 7,
        },
        new("11.1.3/non-converging")
        {
            Final = MigrationStatus.Cancelled, Guest = RunState.Running,
            Source = "setup active cancelling cancelled", Destination = "setup active failed",
            Passes = (6, 2, 7), TotalBytes = Guest256, LastRemainingBytes = 38_817_792, LastSystemWideBytes = 41_439_232,
        },
        new("11.1.3/pause-before-switchover")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active pre-switchover device completed", Destination = "setup active completed",
            Passes = (3, 2, 4), TotalBytes = Guest256, LastRemainingBytes = 15_327_232, LastSystemWideBytes = 15_327_232,
            DowntimeMilliseconds = 1_308,
        },
        new("11.1.3/postcopy-paused-recovered")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device postcopy-device postcopy-active postcopy-paused"
                + " postcopy-recover-setup postcopy-recover postcopy-active completed",
            Destination = "setup active postcopy-device postcopy-active postcopy-paused postcopy-recover postcopy-active completed",
            Passes = (31, 2, 32), TotalBytes = Guest256, LastRemainingBytes = 86_016, LastSystemWideBytes = 1_003_520,
            DowntimeMilliseconds = 1,
        },
        new("11.1.3/postcopy")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device postcopy-device postcopy-active completed",
            Destination = "setup active postcopy-device postcopy-active completed",
            Passes = (61, 2, 62), TotalBytes = Guest256, LastRemainingBytes = 3_452_928, LastSystemWideBytes = 3_452_928,
            DowntimeMilliseconds = 2_984,
        },
        new("11.1.3/switchover-ack")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device completed", Destination = "setup active completed",
            Passes = (3, 2, 4), TotalBytes = Guest256, LastRemainingBytes = 14_315_520, LastSystemWideBytes = 19_427_328,
            DowntimeMilliseconds = 10,
        },
        new("11.1.3/vfio-auto")
        {
            Final = MigrationStatus.Failed, Guest = RunState.Running,
            Source = "setup active failing failed", Destination = "setup active",
            Error = "ram_save_setup failed: Operation not supported",
        },
        new("11.1.3/vfio-destination-stuck-in-resuming")
        {
            Final = MigrationStatus.Failed, Guest = RunState.Running,
            Source = "setup active failing failed", Destination = "setup active",
            Error = "Sibling indicated error 1",
        },
        new("11.1.3/vfio-device-dirty-tracking-fails")
        {
            Final = MigrationStatus.Failed, Guest = RunState.Running,
            Source = "setup active failing failed", Destination = "setup",
            Error = "ram_save_setup failed: Operation not supported",
        },
        new("11.1.3/vfio-device-dirty-tracking")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device completed", Destination = "setup active completed",
            Passes = (1, 2, 2), TotalBytes = Guest64, DowntimeMilliseconds = 46, VfioBytes = 96,
        },
        new("11.1.3/vfio-multifd")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device completed", Destination = "setup active completed",
            Passes = (1, 2, 2), TotalBytes = Guest64, DowntimeMilliseconds = 53, VfioBytes = 4_252,
        },
        new("11.1.3/vfio-off")
        {
            Final = MigrationStatus.None, Guest = RunState.Running,
            Source = "", Destination = "setup",
            Blocked = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001: Migration is disabled for VFIO device",
            Refused = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001: Migration is disabled for VFIO device",
        },
        new("11.1.3/vfio-postcopy-refused")
        {
            Final = MigrationStatus.None, Guest = RunState.Running,
            Source = "", Destination = "setup",
            Refused = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001: VFIO migration is not supported with postcopy migration",
        },
        new("11.1.3/vfio-switchover-ack")
        {
            Final = MigrationStatus.Completed, Guest = RunState.PostMigrate,
            Source = "setup active device completed", Destination = "setup active completed",
            Passes = (1, 2, 2), TotalBytes = Guest64, DowntimeMilliseconds = 75, VfioBytes = 96,
        },
    ];
}
