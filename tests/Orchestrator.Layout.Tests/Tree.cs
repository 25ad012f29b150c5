namespace Orchestrator.Layout.Tests;

/// <summary>The repository's files, without what is built.</summary>
internal static class Tree
{
    public static string Root { get; } = FindRoot();

    public static IEnumerable<string> Files(string under, string pattern) =>
        Directory.Exists(Path.Combine(Root, under))
            ? Directory.EnumerateFiles(Path.Combine(Root, under), pattern, SearchOption.AllDirectories).Where(IsSource)
            : [];

    public static IEnumerable<string> CSharpFiles() =>
        Files("src", "*.cs").Concat(Files("tests", "*.cs")).Where(file => !Relative(file).Contains("Grpc.Compat", StringComparison.Ordinal));

    public static string Relative(string file) => Path.GetRelativePath(Root, file);

    private static bool IsSource(string file) =>
        !Relative(file).Split('/').Intersect(["bin", "obj", "TestResults", ".artifacts"]).Any();

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Orchestrator.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("These tests run inside the repository.");
    }
}
