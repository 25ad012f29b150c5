namespace Orchestrator.ControlPlane.Database;

/// <summary>Where a private server keeps its things.</summary>
internal sealed record EmbeddedPostgresFolders(string Cluster, string Socket)
{
    public static EmbeddedPostgresFolders In(string dataFolder) =>
        new(Path.Combine(dataFolder, "postgres", "cluster"), Path.Combine(dataFolder, "postgres", "run"));
}
