using Grpc.Core;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.Policy.Placement;
using Orchestrator.V1;
using ScorePart = Orchestrator.V1.ScorePart;

namespace Orchestrator.ControlPlane.Placement;

/// <summary>Tells for every host whether it could take a guest now, and why not.</summary>
internal sealed class PlacementExplanations(FleetStore fleet)
{
    /// <param name="failureMemory">A guest is not sent again to a host where it failed, for this long.</param>
    /// <exception cref="RpcException">GUEST_UNKNOWN.</exception>
    public async Task<ExplainPlacementResponse> ExplainAsync(string guestId, TimeSpan failureMemory, CancellationToken cancellation)
    {
        var reading = await fleet.ReadAsync(failureMemory, guestId, cancellation);
        var request = reading.RequestFor(guestId) ?? throw GuestErrors.Unknown(guestId);
        return new ExplainPlacementResponse
        {
            Hosts = { PlacementPolicy.Explain(FleetLedger.Of(reading.Snapshot), request).Select(Message) },
        };
    }

    public static HostVerdict Message(Verdict verdict) => new()
    {
        HostId = verdict.HostId,
        Obstacles = { verdict.Obstacles.Select(found => new HostObstacle { Obstacle = Message(found.Obstacle), Message = found.Message }) },
        Score = verdict.Score,
        Parts = { verdict.Parts.Select(part => new ScorePart { Name = part.Name, Value = part.Value, Weight = part.Weight }) },
    };

    public static PlacementObstacle Message(Obstacle obstacle) => obstacle switch
    {
        Obstacle.IsSource => PlacementObstacle.IsSource,
        Obstacle.NotConnected => PlacementObstacle.NotConnected,
        Obstacle.Cordoned => PlacementObstacle.Cordoned,
        Obstacle.HostSelector => PlacementObstacle.HostSelector,
        Obstacle.Accelerator => PlacementObstacle.Accelerator,
        Obstacle.MachineType => PlacementObstacle.MachineType,
        Obstacle.EngineVersion => PlacementObstacle.EngineVersion,
        Obstacle.CpuModel => PlacementObstacle.CpuModel,
        Obstacle.RecentFailure => PlacementObstacle.RecentFailure,
        Obstacle.Memory => PlacementObstacle.Memory,
        Obstacle.Cpus => PlacementObstacle.Cpus,
        Obstacle.Device => PlacementObstacle.Device,
        Obstacle.AntiAffinity => PlacementObstacle.AntiAffinity,
        Obstacle.Affinity => PlacementObstacle.Affinity,
    };
}
