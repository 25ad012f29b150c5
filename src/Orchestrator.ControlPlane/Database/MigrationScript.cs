using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Orchestrator.ControlPlane.Database;

/// <summary>One script of migrations-db.</summary>
/// <param name="Version">From the file name: 1, 2, 3, ...</param>
/// <param name="Checksum">SHA-256 of the text in UTF-8 with Unix line ends, lower-case hexadecimal.</param>
internal sealed partial record MigrationScript(int Version, string FileName, string Sql, string Checksum)
{
    /// <summary>The scripts that come with this build, in order.</summary>
    /// <exception cref="StartRefusedException">The folder is missing or empty, or a name does not fit.</exception>
    public static IReadOnlyList<MigrationScript> ReadFolder(string folder)
    {
        var files = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.sql") : [];
        if (files.Length == 0)
        {
            throw new StartRefusedException($"No database scripts in {folder}; the installation is incomplete.");
        }

        var scripts = files.Select(file => Parse(Path.GetFileName(file), File.ReadAllText(file))).OrderBy(script => script.Version).ToList();
        for (var i = 0; i < scripts.Count; i++)
        {
            if (scripts[i].Version != i + 1)
            {
                throw new StartRefusedException(
                    $"Database scripts are numbered without gaps and doubles; expected V{i + 1:D4}, found {scripts[i].FileName}.");
            }
        }

        return scripts;
    }

    public static MigrationScript Parse(string fileName, string sql)
    {
        var name = NamePattern().Match(fileName);
        if (!name.Success)
        {
            throw new StartRefusedException($"Database script {fileName} has no name such as V0001__create_hosts.sql.");
        }

        // A checkout with Windows line ends is the same script.
        var text = sql.Replace("\r\n", "\n", StringComparison.Ordinal);
        var checksum = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
        return new MigrationScript(int.Parse(name.Groups[1].Value, CultureInfo.InvariantCulture), fileName, text, checksum);
    }

    [GeneratedRegex(@"^V(\d{4})__[a-z0-9_]+\.sql\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();
}
