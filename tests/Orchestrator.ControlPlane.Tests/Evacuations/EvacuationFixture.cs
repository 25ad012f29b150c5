using Grpc.Net.Client;

namespace Orchestrator.ControlPlane.Tests.Evacuations;

/// <summary>A control plane with two replicas whose conductors have little patience.</summary>
public sealed class EvacuationFixture : IAsyncLifetime
{
    private static readonly string[] s_settings = ["--Evacuations:LookEvery=00:00:00.5", "--Evacuations:StuckPatience=00:00:02"];

    public ControlPlaneFixture Fleet { get; } = new() { Settings = s_settings };

    public GrpcChannel Other { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        await Fleet.InitializeAsync();
        Other = await Fleet.AddReplicaAsync();
    }

    public Task DisposeAsync() => Fleet.DisposeAsync();
}
