namespace Orchestrator.Scenarios;

/// <summary>The same fleet with a control plane of two replicas over one Postgres.</summary>
public sealed class ReplicaFleet : ScenarioFleet
{
    protected override int Replicas => 2;
}

[CollectionDefinition(Name)]
public sealed class ReplicaFleetScenarios : ICollectionFixture<ReplicaFleet>
{
    public const string Name = "replicas";
}
