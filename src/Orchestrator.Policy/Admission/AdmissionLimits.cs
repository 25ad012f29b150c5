namespace Orchestrator.Policy.Admission;

/// <summary>How much may go on at once. Meanings and ranges are those of AdmissionLimits in admission.proto.</summary>
public sealed record AdmissionLimits
{
    /// <summary>The class of a migration that names none.</summary>
    public const string UsualClass = "user";

    /// <summary>Migrations whose memory is being transferred, in the whole fleet.</summary>
    public required int Transferring { get; init; }

    /// <summary>Migrations that are being prepared or wait prepared for a transfer.</summary>
    public required int Preparing { get; init; }

    public required int TransferringPerSource { get; init; }

    public required int TransferringPerTarget { get; init; }

    public required int PreparingPerTarget { get; init; }

    public IReadOnlyList<LabelLimit> PerLabel { get; init; } = [];

    /// <summary>Share of each host's link that migrations may use, each way. Above 0, at most 1.</summary>
    public required double LinkShare { get; init; }

    /// <summary>What a transfer must get at least of both its links, or it waits.</summary>
    public required DataRate MinRate { get; init; }

    /// <summary>At least one.</summary>
    public required IReadOnlyList<PriorityClass> Classes { get; init; }

    /// <summary>A guest is not sent again to a host where it failed, for this long.</summary>
    public TimeSpan FailureMemory { get; init; }

    /// <summary>The class of that name; when the limits have it no longer, the one with the lowest priority.</summary>
    public PriorityClass ClassOf(string name) =>
        Classes.FirstOrDefault(known => known.Name == name) ?? Classes.MinBy(known => known.Priority)
        ?? throw new ArgumentException("Limits have at least one class.");
}

/// <summary>Transferring into, or out of, hosts of one value of a label.</summary>
public sealed record LabelLimit(string Label, int Transferring);

/// <param name="Priority">The higher goes first.</param>
/// <param name="Ageing">Waiting this long raises a migration's priority by one.</param>
/// <param name="Weight">Share of bandwidth against others on the same link.</param>
public sealed record PriorityClass(string Name, int Priority, TimeSpan Ageing, int Weight);
