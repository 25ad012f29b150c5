using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations.Following;

/// <summary>What a watcher learns. Closed: every kind is declared here.</summary>
internal abstract record FeedEvent
{
    private FeedEvent()
    {
    }

    public sealed record Happened(MigrationHappening Happening) : FeedEvent;

    /// <summary>The connection is gone and will be tried again.</summary>
    public sealed record Lost(string Why, TimeSpan RetryIn) : FeedEvent;

    /// <summary>The connection is back; snapshots follow.</summary>
    public sealed record Restored : FeedEvent;
}
