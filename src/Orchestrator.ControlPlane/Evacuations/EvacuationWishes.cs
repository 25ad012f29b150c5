using Grpc.Core;
using Orchestrator.ControlPlane.Evacuations.Ledger;
using Orchestrator.Policy.Evacuation;

namespace Orchestrator.ControlPlane.Evacuations;

/// <summary>What callers wish of an evacuation that goes on. Written down here, on whichever replica; its conductor acts on it.</summary>
internal sealed class EvacuationWishes(EvacuationStore evacuations)
{
    /// <param name="reason">Why, for the record.</param>
    /// <exception cref="RpcException">EVACUATION_UNKNOWN, EVACUATION_ENDED.</exception>
    public Task<Evacuation> PauseAsync(Guid evacuationId, string reason, CancellationToken cancellation) => WishAsync(
        evacuationId,
        reason,
        state => state.Phase is EvacuationPhase.Running or EvacuationPhase.Paused ? EvacuationConductor.Pause(state) : null,
        cancellation);

    /// <exception cref="RpcException">EVACUATION_UNKNOWN, EVACUATION_ENDED.</exception>
    public Task<Evacuation> ResumeAsync(Guid evacuationId, CancellationToken cancellation) => WishAsync(
        evacuationId,
        "",
        state => state.Phase is EvacuationPhase.Running or EvacuationPhase.Paused ? EvacuationConductor.Resume(state) : null,
        cancellation);

    /// <exception cref="RpcException">EVACUATION_UNKNOWN, EVACUATION_ENDED.</exception>
    public Task<Evacuation> CancelAsync(Guid evacuationId, EvacuationCancelMode mode, string reason, CancellationToken cancellation) => WishAsync(
        evacuationId,
        reason,
        state => state.Phase is EvacuationPhase.Cancelled ? state : state.HasEnded ? null : EvacuationConductor.Cancel(state, mode),
        cancellation);

    /// <param name="wish">Null: what is wished cannot be any more. The same state: it is so already.</param>
    private async Task<Evacuation> WishAsync(
        Guid evacuationId, string reason, Func<EvacuationState, EvacuationState?> wish, CancellationToken cancellation)
    {
        while (true)
        {
            var read = await evacuations.FindAsync(evacuationId, cancellation) ?? throw EvacuationErrors.Unknown(evacuationId);
            var wished = wish(read.State) ?? throw EvacuationErrors.Ended(evacuationId, EvacuationMessages.Word(read.State.Phase));
            if (wished == read.State)
            {
                return read;
            }

            // After a lost acknowledgement the next look finds that it is so already.
            await evacuations.WishAsync(read, wished, reason, cancellation);
        }
    }
}
