using Orchestrator.V1;
using EvacuationState = Orchestrator.Policy.Evacuation.EvacuationState;

namespace Orchestrator.ControlPlane.Evacuations;

/// <summary>An evacuation as the ledger has it.</summary>
internal sealed record Evacuation
{
    public required Guid EvacuationId { get; init; }

    /// <summary>As the caller sent it: what tells a repeat from a clash of ids.</summary>
    public required StartEvacuationRequest Request { get; init; }

    /// <summary>Without guests where only a list was asked for.</summary>
    public required EvacuationState State { get; init; }

    /// <summary>What was left to do at <see cref="PlannedAt"/>; empty where only a list was asked for.</summary>
    public required V1.EvacuationPlan Plan { get; init; }

    public required DateTimeOffset PlannedAt { get; init; }

    /// <summary>Why it was paused or cancelled; empty = nobody said.</summary>
    public string Message { get; init; } = "";

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Whoever writes names the one that was read.</summary>
    public long Revision { get; init; } = 1;

    /// <summary>Of whoever conducts it; one with a lower epoch writes nothing.</summary>
    public long Epoch { get; init; }

    /// <summary>The replica that conducts it; null while it waits for one, and after the end.</summary>
    public Guid? ReplicaId { get; init; }

    public EvacuationSpec Spec => Request.Spec;

    /// <summary>In the order of their turns.</summary>
    public IReadOnlyList<string> HostIds => [.. State.Hosts.Select(host => host.HostId)];
}

/// <summary>Where a list of evacuations goes on.</summary>
internal sealed record EvacuationKey(DateTimeOffset CreatedAt, Guid EvacuationId);
