using System.Collections.Immutable;
using Orchestrator.Qmp;

namespace Orchestrator.Reports;

/// <summary>What the source's engine said at one moment, and what we had told it.</summary>
public sealed record EngineSample
{
    public required MigrationInfo Info { get; init; }

    public required QemuFeatures Features { get; init; }

    /// <summary>Since the engine was told to migrate.</summary>
    public required TimeSpan Elapsed { get; init; }

    public required TimeSpan DowntimeLimit { get; init; }

    /// <summary>Cap of the copy; 0 = none.</summary>
    public ulong MaxBytesPerSecond { get; init; }

    /// <summary>The link's honest rate as configured; null = estimate.</summary>
    public ulong? SwitchOverBytesPerSecond { get; init; }

    /// <summary>Capability postcopy-ram is on.</summary>
    public bool PostCopyCapability { get; init; }

    public IReadOnlyList<DeviceSample> Devices { get; init; } = [];

    /// <summary>The last probe of what the guest dirties; null before one has ended.</summary>
    public ProbeSample? Probe { get; init; }
}

/// <summary>What the guest dirtied in an interval, by samples of its memory.</summary>
/// <param name="Ended">Since the engine was told to migrate.</param>
/// <param name="Bytes">Different bytes that were written in it.</param>
public sealed record ProbeSample(TimeSpan Ended, TimeSpan Interval, ulong Bytes);

/// <summary>What a device says it still has to send; null = it did not say.</summary>
public sealed record DeviceSample(string DeviceId, ulong? PrecopyBytes, ulong? StopCopyBytes, ulong? TransferredBytes);

/// <summary>What reports remember of the samples before: a value, kept by the session.</summary>
public sealed record ReportMemory
{
    public static ReportMemory Empty { get; } = new();

    /// <summary>Bytes moved at moments of about the last two seconds, oldest first.</summary>
    public ImmutableArray<Moved> Moved { get; init; } = [];

    public ulong? Bandwidth { get; init; }

    public ulong? Pass { get; init; }

    /// <summary>System-wide remaining right after the last sync: what would have to go in a blackout.</summary>
    public ulong? RemainingAtSync { get; init; }

    /// <summary>Some dirty rate was measured, so a zero is a zero from now on.</summary>
    public bool DirtyRateSeen { get; init; }

    public bool PostCopyUsed { get; init; }

    /// <summary>The numbers last reported, for when the engine has none any more.</summary>
    public Agent.V1.TransferNumbers? Last { get; init; }
}

/// <param name="Pass">The engine's pass counter then, to see how fast it runs.</param>
public readonly record struct Moved(TimeSpan Elapsed, ulong Transferred, ulong Pass);
