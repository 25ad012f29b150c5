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
            Out = Console.Out,
            Error = Console.Error,
            In = Console.In,
            Screen = !Console.IsOutputRedirected && screen.Profile.Capabilities.Ansi ? screen : null,
            Variable = Environment.GetEnvironmentVariable,
            Clock = TimeProvider.System,
        };
    }

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
