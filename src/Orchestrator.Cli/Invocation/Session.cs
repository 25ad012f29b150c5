using Google.Protobuf;
using Orchestrator.Cli.Refusals;
using Orchestrator.Cli.Rendering;

namespace Orchestrator.Cli.Invocation;

/// <summary>One run of one command: where it asks and how it answers.</summary>
/// <param name="again">What to add to a command that the user may type next.</param>
internal sealed class Session(Terminal terminal, Connection connection, OutputFormat format, string again, CancellationToken cancellation)
{
    public Terminal Terminal => terminal;

    public Connection Connection => connection;

    public OutputFormat Format => format;

    public CancellationToken Cancellation => cancellation;

    /// <summary>"migctl watch ID", with the server when it was named.</summary>
    public string Invite(string command) => $"migctl {command}{again}";

    /// <summary>Prints the answer: the message itself for programs, the text for people.</summary>
    public ExitCode Answer(IMessage message, string text)
    {
        terminal.Say(format == OutputFormat.Json ? JsonText.Document(message) : text);
        return ExitCode.Ok;
    }

    public ExitCode Complain(Complaint complaint)
    {
        CommandRunner.Print(terminal, format, complaint);
        return complaint.Exit;
    }
}
