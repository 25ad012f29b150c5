using Orchestrator.LocalFleet.Processes;
using Orchestrator.V1;

namespace Orchestrator.Bench.Load;

/// <summary>Admission's limits for a load.</summary>
internal static class Limits
{
    /// <summary>Only the whole fleet's numbers hold anything back: what a host may have is out of the way.</summary>
    public static async Task OpenAsync(ControlPlaneServer controlPlane, int transferring, int preparing, CancellationToken cancellation)
    {
        var admission = new AdmissionService.AdmissionServiceClient(controlPlane.Channel);
        var limits = (await admission.GetLimitsAsync(new GetLimitsRequest(), cancellationToken: cancellation)).Limits;
        limits.Transferring = transferring;
        limits.Preparing = preparing;
        limits.TransferringPerSource = transferring;
        limits.TransferringPerTarget = transferring;
        limits.PreparingPerTarget = preparing;
        await admission.UpdateLimitsAsync(
            new UpdateLimitsRequest { Limits = limits, ChangedBy = "bench" }, cancellationToken: cancellation);
    }
}
