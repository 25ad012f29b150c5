using Orchestrator.V1;

namespace Orchestrator.Scenarios.Wide;

/// <summary>A wide fleet whose first host is larger than the two others, and whose evacuations do not wait long for room that does not come.</summary>
public sealed class EvacuationFleet : WideFleet
{
    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>(base.Settings)
    {
        ["Evacuations:StuckPatience"] = "00:00:10",
    };

    protected override IReadOnlyDictionary<string, string> SettingsOf(string hostId) => new Dictionary<string, string>
    {
        ["Agent:MemoryAllocatable"] = hostId == "host-a" ? "4GiB" : "640MiB",
    };

    internal async Task<Evacuation> AwaitEvacuationAsync(string id, Func<Evacuation, bool> isSo) => (await AwaitAsync(
        (replica, options) => replica.Evacuations.GetEvacuationAsync(new GetEvacuationRequest { EvacuationId = id }, options),
        answer => isSo(answer.Evacuation))).Evacuation;

    internal Task<Evacuation> AwaitEvacuationEndAsync(string id) => AwaitEvacuationAsync(id, evacuation => evacuation.EndedAt is not null);
}

[CollectionDefinition(Name)]
public sealed class EvacuationFleetScenarios : ICollectionFixture<EvacuationFleet>
{
    public const string Name = "evacuation";
}
