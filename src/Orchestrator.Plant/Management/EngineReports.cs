using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Qmp;
using Orchestrator.Reports;

namespace Orchestrator.Plant.Management;

/// <summary>Reports of the simulated engine as an agent would send them: the same assembly, fed with what query-migrate would say.</summary>
internal sealed class EngineReports(EngineVersion version, EngineSetup setup)
{
    private const int PageSize = 4096;

    private readonly QemuFeatures _features = FeaturesOf(version);
    private ReportMemory _memory = ReportMemory.Empty;
    private ulong _sequence;

    public MigrationReport Report(EngineView view, IReadOnlyList<DeviceView> devices, SampledDirt? sampled, EngineStanding standing)
    {
        var sample = new EngineSample
        {
            Info = Info(view),
            Features = _features,
            Elapsed = view.Elapsed,
            DowntimeLimit = TimeSpan.FromMilliseconds(view.DowntimeLimitMilliseconds),
            MaxBytesPerSecond = (ulong)Math.Max(0, standing.Cap),
            SwitchOverBytesPerSecond = standing.Told > 0 ? (ulong)standing.Told : null,
            PostCopyCapability = setup.PostCopy,
            Probe = sampled is null ? null : new ProbeSample(sampled.At, sampled.Interval, (ulong)sampled.Dirtied),
            Devices = [.. devices.Select(device => new DeviceSample(device.Name, device.PreCopy, device.StopCopy, null))],
        };
        (var numbers, _memory) = ReportAssembler.Assemble(sample, _memory);
        return new MigrationReport
        {
            Sequence = ++_sequence,
            Elapsed = Duration.FromTimeSpan(view.Elapsed),
            SessionState = view.Status is EngineStatus.Device ? SessionState.SwitchingOver : SessionState.Running,
            EngineStatus = sample.Info.StatusText,
            RunState = view.GuestRunning ? Agent.V1.RunState.Running : Agent.V1.RunState.Paused,
            PausedToConverge = standing.Paused,
            Numbers = numbers,
        };
    }

    private static MigrationInfo Info(EngineView view) => new()
    {
        Status = view.Status switch
        {
            EngineStatus.Active => MigrationStatus.Active,
            EngineStatus.Device => MigrationStatus.Device,
            EngineStatus.PostCopyActive => MigrationStatus.PostcopyActive,
            EngineStatus.Completed => MigrationStatus.Completed,
            EngineStatus.Failed => MigrationStatus.Failed,
            EngineStatus.Cancelled => MigrationStatus.Cancelled,
        },
        StatusText = view.Status switch
        {
            EngineStatus.Active => "active",
            EngineStatus.Device => "device",
            EngineStatus.PostCopyActive => "postcopy-active",
            EngineStatus.Completed => "completed",
            EngineStatus.Failed => "failed",
            EngineStatus.Cancelled => "cancelled",
        },
        TotalTimeMilliseconds = (long)view.Elapsed.TotalMilliseconds,
        ExpectedDowntimeMilliseconds = view.ExpectedDowntimeMilliseconds,
        RemainingBytes = view.Remaining,
        VfioTransferredBytes = (ulong?)view.VfioTransferred,
        CpuThrottlePercent = view.ThrottlePercent > 0 ? view.ThrottlePercent : null,
        DowntimeMilliseconds = (long?)view.Downtime?.TotalMilliseconds,
        Ram = new RamProgress
        {
            TotalBytes = (ulong)view.RamTotal,
            RemainingBytes = (ulong)view.RamRemaining,
            TransferredBytes = (ulong)view.Transferred,
            DirtyPagesPerSecond = (ulong)(view.DirtyRate / PageSize),
            MegabitsPerSecond = view.Bandwidth * 8 / 1e6,
            DirtySyncCount = (ulong)view.Passes,
            PageSizeBytes = PageSize,
            NormalPages = (ulong)(view.Processed / PageSize),
            DuplicatePages = 0,
        },
    };

    /// <summary>What the report assembly asks of a version; the rest is of no account here.</summary>
    private static QemuFeatures FeaturesOf(EngineVersion version) => new()
    {
        SystemWideRemaining = version >= EngineVersion.Qemu111,
        PassCountsHonestWithPostcopy = version < EngineVersion.Qemu111,
        AvailSwitchoverBandwidth = version >= EngineVersion.Qemu82,
        SwitchoverAck = version >= EngineVersion.Qemu82,
        SwitchoverAckCanStarve = version is EngineVersion.Qemu82,
        DirtyRateSampling = true,
        DirtyRateMilliseconds = version >= EngineVersion.Qemu82,
        ExitOnErrorArgument = false,
        SwitchesOverOnEstimate = false,
        MultifdWithPostcopy = false,
        CancelRefusedInPostcopy = true,
        PostcopyRecoverSetup = false,
        PostcopyDevice = false,
        FailingStatus = false,
        PostcopyPreempt = false,
        DirtyLimit = false,
        MappedRam = false,
        Channels = false,
        ZeroPageDetection = false,
        VfioMigrationEvents = false,
        Yank = false,
    };
}

/// <summary>What the engine was told.</summary>
/// <param name="Cap">Of the copy, bytes per second; 0 = none.</param>
/// <param name="Told">avail-switchover-bandwidth, bytes per second; 0 = nothing.</param>
/// <param name="Paused">The guest was stopped to converge.</param>
internal readonly record struct EngineStanding(long Cap, long Told, bool Paused);
