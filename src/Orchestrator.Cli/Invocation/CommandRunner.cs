using System.CommandLine;
using Grpc.Core;
using Orchestrator.Cli.Refusals;

namespace Orchestrator.Cli.Invocation;

/// <summary>Runs the body of a command and turns every way it can end into an exit code.</summary>
internal sealed class CommandRunner(Terminal terminal, GlobalOptions globals)
{
    public void Bind(Command command, Func<ParseResult, Session, Task<ExitCode>> body) =>
        command.SetAction(async (parse, cancellation) => (int)await RunAsync(parse, body, cancellation));

    public static void Print(Terminal terminal, OutputFormat format, Complaint complaint) =>
        terminal.Warn(format == OutputFormat.Json ? ComplaintText.Json(complaint) : ComplaintText.Plain(complaint));

    private async Task<ExitCode> RunAsync(
        ParseResult parse, Func<ParseResult, Session, Task<ExitCode>> body, CancellationToken cancellation)
    {
        var format = globals.Format(parse);
        if (!globals.TryServers(parse, terminal, out var servers, out var problem))
        {
            return Complain(Complaint.Usage(problem));
        }

        using var connection = new Connection(servers, globals.Timeout(parse), terminal.Clock);
        try
        {
            return await body(parse, new Session(terminal, connection, format, globals.Repeated(parse), cancellation));
        }
        catch (Exception stopped) when (stopped is OperationCanceledException or RpcException && cancellation.IsCancellationRequested)
        {
            return Complain(new Complaint(ExitCode.Interrupted, "Interrupted."));
        }
        catch (RpcException failure)
        {
            return Complain(CallRefusal.Read(failure, connection.Server, connection.Timeout));
        }

        ExitCode Complain(Complaint complaint)
        {
            Print(terminal, format, complaint);
            return complaint.Exit;
        }
    }
}
