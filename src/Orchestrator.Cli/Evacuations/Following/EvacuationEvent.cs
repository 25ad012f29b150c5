using Orchestrator.V1;

namespace Orchestrator.Cli.Evacuations.Following;

/// <summary>What a watcher of an evacuation learns. Closed: every kind is declared here.</summary>
internal abstract record EvacuationEvent
{
    private EvacuationEvent()
    {
    }

    /// <summary>How it stands now.</summary>
    public sealed record Seen(Evacuation Evacuation) : EvacuationEvent;

    /// <summary>The connection is gone and will be tried again.</summary>
    public sealed record Lost(string Why, TimeSpan RetryIn) : EvacuationEvent;

    /// <summary>The connection is back; how it stands now follows.</summary>
    public sealed record Restored : EvacuationEvent;
}
