using System.ComponentModel;
using System.Diagnostics;

namespace Orchestrator.HostAgent.Guests;

/// <summary>QEMU did not come up. The message has its own words.</summary>
internal sealed class QemuStartException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Starts QEMU as a daemon and finds it again.</summary>
internal static class QemuProcess
{
    // Set-up of a large guest (huge pages, many devices) takes its time; beyond this something hangs.
    private static readonly TimeSpan s_longestStart = TimeSpan.FromMinutes(2);

    /// <summary>Returns when QEMU's monitors listen: it lets its parent end only then.</summary>
    /// <exception cref="QemuStartException"/>
    public static async Task<ProcessIdentity> StartAsync(
        string program, IReadOnlyList<string> arguments, GuestFolder folder, TimeProvider clock, CancellationToken cancellation)
    {
        using var bound = new CancellationTokenSource(s_longestStart, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(bound.Token, cancellation);
        using var parent = Launch(program, arguments, folder);
        try
        {
            parent.StandardInput.Close();
            var said = await Task.WhenAll(
                parent.StandardError.ReadToEndAsync(either.Token), parent.StandardOutput.ReadToEndAsync(either.Token));
            await parent.WaitForExitAsync(either.Token);
            if (parent.ExitCode != 0)
            {
                throw new QemuStartException(Words(parent.ExitCode, [.. said, folder.ReadEngineLogTail()]));
            }
        }
        catch (OperationCanceledException)
        {
            parent.Kill(entireProcessTree: true);
            Find(folder)?.Kill();
            cancellation.ThrowIfCancellationRequested();
            throw new QemuStartException($"{program} did not come up within {s_longestStart.TotalMinutes} min");
        }

        return Find(folder) ?? throw new QemuStartException(
            $"{program} ended right after its start: {folder.ReadEngineLogTail()}");
    }

    /// <summary>The process whose pid QEMU wrote into the folder, if it lives and is the one: its command line names the folder.</summary>
    public static ProcessIdentity? Find(GuestFolder folder) =>
        folder.ReadPid() is { } pid && ProcessIdentity.Of(pid) is { } process
            && ProcessIdentity.CommandLineOf(pid).Contains(folder.Pid)
            ? process
            : null;

    private static Process Launch(string program, IReadOnlyList<string> arguments, GuestFolder folder)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = folder.Path,
            }) ?? throw new QemuStartException($"{program} did not start.");
        }
        catch (Win32Exception refused)
        {
            throw new QemuStartException($"{program}: {refused.Message}", refused);
        }
    }

    private static string Words(int exitCode, IReadOnlyList<string> said)
    {
        var words = string.Join(" ", said.Select(text => text.ReplaceLineEndings(" ").Trim()).Where(text => text.Length > 0));
        return words.Length > 0 ? words : $"the engine ended with exit code {exitCode} and said nothing";
    }
}
