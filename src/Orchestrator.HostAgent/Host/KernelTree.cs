namespace Orchestrator.HostAgent.Host;

/// <summary>
/// Where the kernel says what there is. What cannot be read is absent: files come and go with their devices, and some answer EINVAL while
/// a link is down.
/// </summary>
/// <param name="Proc">"/proc".</param>
/// <param name="Sys">"/sys".</param>
internal sealed record KernelTree(string Proc, string Sys)
{
    public static readonly KernelTree Real = new("/proc", "/sys");

    /// <returns>Trimmed; null when it cannot be read.</returns>
    public static string? Text(params ReadOnlySpan<string> path)
    {
        try
        {
            return File.ReadAllText(Path.Combine(path)).Trim();
        }
        catch (Exception absent) when (absent is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <returns>Names in ordinal order; none when there is no such folder.</returns>
    public static IReadOnlyList<string> Names(params ReadOnlySpan<string> path)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(Path.Combine(path)).Select(entry => Path.GetFileName(entry)).Order(StringComparer.Ordinal)];
        }
        catch (Exception absent) when (absent is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Where a symbolic link leads, followed through to the end.</summary>
    /// <returns>Null when it is none or leads nowhere.</returns>
    public static string? LinkTarget(params ReadOnlySpan<string> path)
    {
        try
        {
            return Directory.ResolveLinkTarget(Path.Combine(path), returnFinalTarget: true)?.FullName;
        }
        catch (Exception absent) when (absent is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public static bool IsFolder(params ReadOnlySpan<string> path) => Directory.Exists(Path.Combine(path));
}
