using System.Globalization;
using System.Text.RegularExpressions;

namespace Orchestrator.ControlPlane.Database;

/// <summary>The programs of one installed Postgres release.</summary>
/// <param name="Folder">Holds initdb, pg_ctl and postgres.</param>
/// <param name="Version">As the server says it, e.g. "15.14".</param>
internal sealed partial record PostgresPrograms(string Folder, int Major, string Version)
{
    /// <summary>Oldest release that the scripts are written for.</summary>
    public const int OldestMajor = 15;

    private static readonly string[] s_needed = ["initdb", "pg_ctl", "postgres"];
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    public string InitDb => Path.Combine(Folder, "initdb");

    public string PgCtl => Path.Combine(Folder, "pg_ctl");

    /// <summary>The newest release at hand.</summary>
    /// <param name="ofCluster">Release that made the data folder, whose files no other can read; null when there is none yet.</param>
    /// <exception cref="StartRefusedException">None fits; the message says what to install.</exception>
    public static async Task<PostgresPrograms> FindAsync(int? ofCluster, CancellationToken cancellation)
    {
        var found = new List<PostgresPrograms>();
        foreach (var folder in CandidateFolders())
        {
            var said = await ProgramRun.OfAsync([Path.Combine(folder, "postgres"), "--version"], s_limit, cancellation);
            if (said.Succeeded && Parse(folder, said.Output) is { } programs)
            {
                found.Add(programs);
            }
        }

        var have = found.Count == 0 ? "none was found" : $"found: {string.Join(", ", found.Select(programs => $"{programs.Version} in {programs.Folder}"))}";
        return found.Where(programs => ofCluster is null ? programs.Major >= OldestMajor : programs.Major == ofCluster)
                .MaxBy(programs => programs.Major)
            ?? throw new StartRefusedException(ofCluster is null
                ? $"A private database needs the programs of Postgres {OldestMajor} or newer on PATH or in /usr/lib/postgresql/*/bin; {have}. "
                    + "Install the package postgresql (Debian, Ubuntu) or postgresql-server (Fedora, openSUSE), "
                    + "or set Database:ConnectionString to a server you have."
                : $"The data folder was made by Postgres {ofCluster}, whose programs are needed to run it; {have}. "
                    + $"Install postgresql-{ofCluster}, or dump that database with it and set Database:ConnectionString to a newer server.");
    }

    /// <param name="said">What postgres --version says, e.g. "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)".</param>
    /// <returns>Null when it says something else, as a development build does.</returns>
    public static PostgresPrograms? Parse(string folder, string said)
    {
        var match = VersionPattern().Match(said);
        return match.Success
            ? new PostgresPrograms(folder, int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture), match.Groups[1].Value)
            : null;
    }

    private static IEnumerable<string> CandidateFolders()
    {
        var onPath = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, "postgres"))
            .Where(File.Exists)

            // A link on PATH leads to the folder that has the other programs too.
            .Select(program => Path.GetDirectoryName(File.ResolveLinkTarget(program, returnFinalTarget: true)?.FullName ?? program) ?? "");
        var installed = Directory.Exists("/usr/lib/postgresql")
            ? Directory.EnumerateDirectories("/usr/lib/postgresql").Select(folder => Path.Combine(folder, "bin"))
            : [];
        return onPath.Concat(installed).Distinct(StringComparer.Ordinal)
            .Where(folder => s_needed.All(program => File.Exists(Path.Combine(folder, program))));
    }

    [GeneratedRegex(@"\(PostgreSQL\) ((\d+)(?:\.\d+)?)", RegexOptions.CultureInvariant)]
    private static partial Regex VersionPattern();
}
