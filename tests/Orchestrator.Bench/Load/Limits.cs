using Orchestrator.LocalFleet.Processes;
using Orchestrator.V1;

namespace Orchestrator.Bench.Load;

/// <summary>Admission's limits for a load.</summary>
internal static class Limits
{
    /// <param name="perHost">Each way, of each of both.</param>
    public static async Task OpenAsync(
        ControlPlaneServer controlPlane, int transferring, int preparing, int perHost, CancellationToken cancellation)
    {
        var admission = new AdmissionService.AdmissionServiceClient(controlPlane.Channel);
        var limits = (await admission.GetLimitsAsync(new GetLimitsRequest(), cancellationToken: cancellation)).Limits;
        limits.Transferring = transferring;
        limits.Preparing = preparing;
        limits.TransferringPerSource = Math.Min(perHost, transferring);
        limits.TransferringPerTarget = Math.Min(perHost, transferring);
        limits.PreparingPerTarget = Math.Min(perHost, preparing);
        await admission.UpdateLimitsAsync(
            new UpdateLimitsRequest { Limits = limits, ChangedBy = "bench" }, cancellationToken: cancellation);
    }
}
