using System.Text.RegularExpressions;

namespace Orchestrator.Bench.Results;

/// <summary>What the control plane itself complained of since its start.</summary>
internal sealed partial record LogFigures(int Warnings, int Errors)
{
    public static LogFigures Read(string path)
    {
        var (warnings, errors) = (0, 0);
        using var log = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (log.ReadLine() is { } line)
        {
            var level = EntryPattern().Match(line).Groups["level"].ValueSpan;
            warnings += level is "warn" ? 1 : 0;
            errors += level is "fail" or "crit" ? 1 : 0;
        }

        return new LogFigures(warnings, errors);
    }

    // The console logger's entries begin with the time, if it is switched on, and the level.
    [GeneratedRegex(@"^(\S+ )?(?<level>trce|dbug|info|warn|fail|crit): ")]
    private static partial Regex EntryPattern();
}
