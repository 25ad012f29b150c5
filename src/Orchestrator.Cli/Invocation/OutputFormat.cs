namespace Orchestrator.Cli.Invocation;

internal enum OutputFormat
{
    /// <summary>For people.</summary>
    Table,

    /// <summary>Canonical proto JSON of the server's answer.</summary>
    Json,
}
