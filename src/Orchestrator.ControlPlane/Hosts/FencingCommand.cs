using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Runs the operator's program that switches a machine off.</summary>
internal sealed class FencingCommand(IOptions<FencingOptions> options, TimeProvider clock)
{
    private const int MaxOutputCharacters = 4000;

    // A child that holds the pipe open does not hold us up.
    private static readonly TimeSpan s_lastWords = TimeSpan.FromSeconds(2);

    public bool IsConfigured => options.Value.Command.Length > 0;

    public static string[] Split(string command) => command.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>Runs it to its end or to its time limit; a program that cannot be started has failed.</summary>
    public async Task<FencingResult> RunAsync(AgentAddress host)
    {
        var words = Split(options.Value.Command)
            .Select(word => word.Replace("{host}", host.HostId, StringComparison.Ordinal)
                .Replace("{endpoint}", host.Endpoint, StringComparison.Ordinal)).ToArray();
        var output = new Output();
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(words[0], words.Skip(1))
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = "/",
            },
        };
        process.OutputDataReceived += (_, line) => output.Add(line.Data);
        process.ErrorDataReceived += (_, line) => output.Add(line.Data);
        try
        {
            process.Start();
        }
        catch (Win32Exception missing)
        {
            return new FencingResult(false, $"{words[0]}: {missing.Message}");
        }

        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var limit = new CancellationTokenSource(options.Value.Timeout, clock);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            // It may have ended with a child of it holding the pipe; its word counts only when it came in time.
            process.Kill(entireProcessTree: true);
            using var briefly = new CancellationTokenSource(s_lastWords, clock);
            await process.WaitForExitAsync(briefly.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return new FencingResult(false, $"did not end within {options.Value.Timeout}; it said: {output.Text}");
        }

        return process.ExitCode == 0
            ? new FencingResult(true, output.Text)
            : new FencingResult(false, $"ended with {process.ExitCode}; it said: {output.Text}");
    }

    /// <summary>The beginning of what was said; the rest is read and dropped, so that the program does not wait for a reader.</summary>
    private sealed class Output
    {
        private readonly StringBuilder _text = new();

        public string Text
        {
            get
            {
                lock (_text)
                {
                    return _text.ToString().Trim();
                }
            }
        }

        public void Add(string? line)
        {
            lock (_text)
            {
                var room = MaxOutputCharacters - _text.Length;
                if (line is not null && room > 0)
                {
                    // NUL has no place in the ledger.
                    _text.Append($"{line.Replace('\0', ' ')}\n".AsSpan(0, Math.Min(line.Length + 1, room)));
                }
            }
        }
    }
}

/// <param name="Output">What it printed, or why it could not be run.</param>
internal sealed record FencingResult(bool Succeeded, string Output);
