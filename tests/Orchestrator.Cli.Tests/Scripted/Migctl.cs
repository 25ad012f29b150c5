using Google.Protobuf;
using Orchestrator.Cli.Invocation;
using Spectre.Console;

namespace Orchestrator.Cli.Tests.Scripted;

/// <summary>What one run of the command line left behind.</summary>
internal sealed record Migctl(int ExitCode, string Out, string Error)
{
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    public static Task<Migctl> RunAsync(ScriptedServer server, params string[] arguments) =>
        RunAsync(arguments, new Setting { Server = server.Address.OriginalString });

    public static async Task<Migctl> RunAsync(IReadOnlyList<string> arguments, Setting setting)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var (heardOutput, heardError) = (new Listener(output, setting.Heard), new Listener(error, setting.Heard));
        var terminal = new Terminal
        {
            Out = heardOutput,
            Error = heardError,
            In = new StringReader(setting.Input),
            Screen = setting.Live ? ScreenOn(heardOutput) : null,
            Variable = name => name == GlobalOptions.ServerVariable ? setting.Server : null,
            Clock = TimeProvider.System,
        };
        var exit = await MigctlCommand.InvokeAsync(arguments, terminal, setting.Interrupt).WaitAsync(Bound);
        return new Migctl(exit, output.ToString(), error.ToString());
    }

    // Of a size of its own: whoever runs the tests may have no terminal to take one from.
    private static IAnsiConsole ScreenOn(TextWriter output)
    {
        var screen = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.Yes,
            Out = new AnsiConsoleOutput(output),
        });
        (screen.Profile.Width, screen.Profile.Height) = (80, 50);
        return screen;
    }

    /// <summary>The one JSON document on standard output, as the message it must be.</summary>
    public T Json<T>()
        where T : IMessage<T>, new() =>
        JsonParser.Default.Parse<T>(Out);

    /// <summary>The JSON objects on standard output, one a line.</summary>
    public IReadOnlyList<T> JsonLines<T>()
        where T : IMessage<T>, new() =>
        [.. Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(JsonParser.Default.Parse<T>)];

    internal sealed record Setting
    {
        /// <summary>ORCHESTRATOR_SERVER.</summary>
        public string? Server { get; init; }

        public string Input { get; init; } = "";

        /// <summary>The output is a screen that redraws.</summary>
        public bool Live { get; init; }

        public CancellationToken Interrupt { get; init; }

        /// <summary>Told everything that is written, as it is written.</summary>
        public Action<string> Heard { get; init; } = _ => { };
    }

    private sealed class Listener(StringWriter into, Action<string> heard) : TextWriter
    {
        public override System.Text.Encoding Encoding => into.Encoding;

        public override void Write(char value) => Write(value.ToString());

        public override void Write(string? value)
        {
            into.Write(value);
            heard(value ?? "");
        }
    }
}
