using System.Globalization;
using System.Text.RegularExpressions;
using Orchestrator.HostAgent.Guests;

namespace Orchestrator.HostAgent.Tests.Fleet;

/// <summary>
/// Runtime folders of test agents. Each names the test run it belongs to, so that the next run ends the guests of one that was killed.
/// </summary>
internal static partial class TestFolder
{
    private static readonly string[] s_withProcesses = ["guests", "probes"];
    private static int s_last;

    static TestFolder()
    {
        foreach (var folder in Directory.EnumerateDirectories(Path.GetTempPath(), "oat*"))
        {
            if (NamePattern().Match(Path.GetFileName(folder)) is { Success: true } name
                && ProcessIdentity.Of(int.Parse(name.Groups["run"].ValueSpan, CultureInfo.InvariantCulture)) is null)
            {
                Remove(folder);
            }
        }
    }

    /// <summary>Short, since guests' sockets lie in it. Not made yet.</summary>
    public static string Next() => Path.Combine(
        Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"oat{Environment.ProcessId}-{Interlocked.Increment(ref s_last)}"));

    /// <summary>Ends every guest and probe that was started from there, and removes what they left.</summary>
    public static void Remove(string folder)
    {
        foreach (var below in s_withProcesses.Select(name => Path.Combine(folder, name)).Where(Directory.Exists))
        {
            foreach (var guest in Directory.EnumerateDirectories(below))
            {
                QemuProcess.Find(new GuestFolder(guest))?.Kill();
            }
        }

        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [GeneratedRegex(@"^oat(?<run>[0-9]+)-[0-9]+$")]
    private static partial Regex NamePattern();
}
