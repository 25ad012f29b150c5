using Microsoft.Win32.SafeHandles;
using Orchestrator.Cli.Rendering;
using Spectre.Console;

namespace Orchestrator.Cli.Invocation;

/// <summary>What the program touches of its surroundings.</summary>
internal sealed record Terminal
{
    private const int PlainWidth = 100;

    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    public required TextReader In { get; init; }

    /// <summary>Set when <see cref="Out"/> is a screen that can redraw; progress is plain lines otherwise.</summary>
    public IAnsiConsole? Screen { get; init; }

    /// <summary>Reads an environment variable.</summary>
    public required Func<string, string?> Variable { get; init; }

    public required TimeProvider Clock { get; init; }

    /// <summary>Columns for running text.</summary>
    public int Width => Math.Clamp(Screen?.Profile.Width ?? PlainWidth, 40, 120);

    public static Terminal OfProcess()
    {
        var screen = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Out) });
        return new Terminal
        {
            Out = PipedOutput() ?? Console.Out,
            Error = Console.Error,
            In = Console.In,
            // A terminal that does not know its height (none of its descriptions is installed) cannot be redrawn.
            Screen = !Console.IsOutputRedirected && screen.Profile is { Capabilities.Ansi: true, Height: > 0 } ? screen : null,
            Variable = Environment.GetEnvironmentVariable,
            Clock = TimeProvider.System,
        };
    }

    // The console's own stream keeps silent about a closed pipe, and "migctl watch | head" would never end. Not for files: a FileStream
    // writes at its own position, and two programs that share one would write over each other.
    private static StreamWriter? PipedOutput()
    {
        if (!Console.IsOutputRedirected)
        {
            return null;
        }

        var output = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return output.CanSeek ? null : new StreamWriter(output) { AutoFlush = true };
    }

    /// <exception cref="IOException">Nobody reads the output any more.</exception>
    public void Say(string text) => Write(Out, text);

    public void Warn(string text) => Write(Error, text);

    private static void Write(TextWriter writer, string text)
    {
        writer.Write(Prose.Printable(text));
        if (!text.EndsWith('\n'))
        {
            writer.Write('\n');
        }

        writer.Flush();
    }
}
