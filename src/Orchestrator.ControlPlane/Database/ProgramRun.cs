using System.ComponentModel;
using System.Diagnostics;

namespace Orchestrator.ControlPlane.Database;

/// <summary>What a program that was run to its end said.</summary>
/// <param name="Output">Standard output and error together, trimmed.</param>
internal sealed record ProgramRun(int ExitCode, string Output)
{
    private const int NotFound = 127;

    public bool Succeeded => ExitCode == 0;

    /// <summary>Runs a program. One that is missing or outlasts the limit is a failed run and no exception.</summary>
    public static async Task<ProgramRun> OfAsync(IReadOnlyList<string> command, TimeSpan limit, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,

            // Ours may be one that the user of the server cannot enter.
            WorkingDirectory = "/",
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("PG", StringComparison.Ordinal)).ToList())
        {
            // PGDATA, PGPORT, PGOPTIONS and the like are meant for another server.
            start.Environment.Remove(name);
        }

        start.Environment["LC_ALL"] = "C";
        Process process;
        try
        {
            process = Process.Start(start) ?? throw new UnreachableException();
        }
        catch (Win32Exception missing)
        {
            return new ProgramRun(NotFound, $"{command[0]}: {missing.Message}");
        }

        using (process)
        {
            process.StandardInput.Close();
            using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limited.CancelAfter(limit);
            try
            {
                var output = process.StandardOutput.ReadToEndAsync(limited.Token);
                var errors = process.StandardError.ReadToEndAsync(limited.Token);
                await process.WaitForExitAsync(limited.Token);
                return new ProgramRun(process.ExitCode, $"{await output}{await errors}".Trim());
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                cancellation.ThrowIfCancellationRequested();
                return new ProgramRun(NotFound, $"{command[0]} did not end within {limit}");
            }
        }
    }
}
