using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Orchestrator.Cli.Completion;
using Orchestrator.Cli.Evacuations;
using Orchestrator.Cli.Guests;
using Orchestrator.Cli.Hosts;
using Orchestrator.Cli.Migrations;
using Orchestrator.Cli.Notices;
using Orchestrator.Cli.Policies;
using Orchestrator.Cli.Queue;
using Orchestrator.Cli.Refusals;
using Orchestrator.Cli.Schedules;
using Orchestrator.Specs;

namespace Orchestrator.Cli.Invocation;

/// <summary>The whole command line.</summary>
internal static class MigctlCommand
{
    // Arguments are free text, e.g. of --requested-by: "@ops" is no file to read more arguments from.
    private static readonly ParserConfiguration s_parser = new() { ResponseFileTokenReplacer = null };

    /// <param name="cancellation">Ends the command; the work on the server goes on.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> InvokeAsync(IReadOnlyList<string> arguments, Terminal terminal, CancellationToken cancellation)
    {
        var globals = new GlobalOptions();
        var parse = Create(terminal, globals).Parse(arguments, s_parser);
        if (parse.Action is ParseErrorAction || (parse.Action is null && parse.Errors.Count > 0))
        {
            CommandRunner.Print(terminal, globals.Format(parse), Misused(parse));
            return (int)ExitCode.Usage;
        }

        var invocation = new InvocationConfiguration
        {
            Output = terminal.Out,
            Error = terminal.Error,
            EnableDefaultExceptionHandler = false,

            // Signals are the process's own business, since some commands have a last word to say.
            ProcessTerminationTimeout = null,
        };
        try
        {
            return await parse.InvokeAsync(invocation, cancellation);
        }
        catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException)
        {
            // Files are read, and their faults told, by the commands; what is left is an output that nobody reads.
            return (int)ExitCode.OutputClosed;
        }
    }

    private static RootCommand Create(Terminal terminal, GlobalOptions globals)
    {
        var runner = new CommandRunner(terminal, globals);
        var root = new RootCommand("Moves running virtual machines between hosts, within a downtime budget.")
        {
            MigrateCommand.Create(runner),
        };
        root.HelpName = "migctl";
        globals.AddTo(root);
        foreach (var verb in MigrationCommands.Create(runner))
        {
            root.Add(verb);
        }

        var migrations = new Command("migrations", "The same verbs, for who looks for the noun: migctl migrations list is migctl list.");
        foreach (var verb in MigrationCommands.Create(runner))
        {
            migrations.Add(verb);
        }

        root.Add(HostCommands.Create(runner));
        root.Add(GuestCommands.Create(runner));
        root.Add(PolicyCommands.Create(runner));
        root.Add(EvacuationCommands.Create(runner));
        root.Add(QueueCommands.CreateQueue(runner));
        root.Add(QueueCommands.CreateLimits(runner));
        root.Add(ScheduleCommands.Create(runner));
        root.Add(NoticeCommands.Create(runner));
        root.Add(migrations);
        root.Add(CompletionCommand.Create(terminal));
        ExampleHelp.AddTo(root);
        return root;
    }

    private static Complaint Misused(ParseResult parse)
    {
        var group = parse.CommandResult.Command;
        if (group.Action is null && group.Subcommands.Count > 0)
        {
            var verbs = string.Join(", ", group.Subcommands.Select(verb => verb.Name));
            var asked = parse.UnmatchedTokens.Count > 0
                ? $"\"{parse.UnmatchedTokens[0]}\" is no command of {Path(parse)}"
                : $"{Path(parse)} does nothing alone";
            return Complaint.Usage($"{asked}; there are: {verbs}.") with { Next = Path(parse) + " --help" };
        }

        var errors = parse.Errors.Select(error => OneLine(error.Message)).ToList();
        return Complaint.Usage(errors[0], [.. errors.Skip(1).Select(error => new FieldFault("", error))]) with
        {
            Next = Path(parse) + " --help",
        };
    }

    // The parser lists allowed values one a line.
    private static string OneLine(string message) =>
        string.Join(' ', message.Split(['\r', '\n', '\t', ' '], StringSplitOptions.RemoveEmptyEntries));

    private static string Path(ParseResult parse)
    {
        var names = new Stack<string>();
        for (var command = parse.CommandResult; command is not null; command = command.Parent as CommandResult)
        {
            names.Push(command.Command is RootCommand ? "migctl" : command.Command.Name);
        }

        return string.Join(' ', names);
    }
}
