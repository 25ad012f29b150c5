using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.Cli.Evacuations.Following;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Migrations;
using Orchestrator.Cli.Refusals;
using Orchestrator.V1;

namespace Orchestrator.Cli.Evacuations;

/// <summary>migctl evacuate start: begins an evacuation and shows it to its end.</summary>
internal sealed class StartEvacuationCommand
{
    private readonly SpecOptions _spec = new();

    private readonly Option<Guid?> _id = UuidOption.Create(
        "--id", "UUID of the evacuation, so that a repeated command is the same evacuation and not a second one. Default: a new one.");

    private readonly Option<string> _requestedBy = new("--requested-by")
    {
        Description = "Who asks, for the record. At most 500 characters.",
        HelpName = "text",
    };

    private readonly Option<bool> _noWait = new("--no-wait") { Description = "Return when it has begun. Default: follow it to its end." };

    private readonly Option<Duration?> _reconnectFor = ReconnectOption.Create();

    public static Command Create(CommandRunner runner)
    {
        var start = new StartEvacuationCommand();
        var command = new Verb(
            "start",
            "Cordons hosts, moves their guests away and shows how it goes. Leaves with 1 when it ends in anything but completed. "
            + "Ctrl-C stops the showing, never the evacuation.",
            "evacuate start h1 --reason \"new kernel\"",
            "evacuate start --label rack=r12 --max-hosts-out 1 --no-wait",
            "evacuate start h1 --deadline 2h --retry-policy predictive --retry-policy post-copy",
            "evacuate start h1 --skip build-7 --restart cache-2 --target db-1=h9 --guest-policy db-1=minimal-downtime",
            "evacuate start --spec rack-12.yaml -o json");
        start._spec.AddTo(command);
        command.Add(start._id);
        command.Add(start._requestedBy);
        command.Add(start._noWait);
        command.Add(start._reconnectFor);
        runner.Bind(command, start.RunAsync);
        return command;
    }

    private async Task<ExitCode> RunAsync(ParseResult parse, Session session)
    {
        if (!_spec.TryRead(parse, session, out var spec, out var complaint))
        {
            return session.Complain(complaint);
        }

        var request = new StartEvacuationRequest
        {
            EvacuationId = (parse.GetValue(_id) ?? Guid.NewGuid()).ToString(),
            Spec = spec,
            RequestedBy = parse.GetValue(_requestedBy) ?? "",
        };
        StartEvacuationResponse started;
        try
        {
            started = await session.Connection.Evacuations.StartEvacuationAsync(request, session.Connection.Call(session.Cancellation));
        }
        catch (RpcException failure)
        {
            return session.Complain(NotStarted(failure, request, session));
        }

        return parse.GetValue(_noWait)
            ? session.Answer(started, Begun(started.Evacuation, session))
            : await FollowAsync(parse, request.EvacuationId, session);
    }

    private async Task<ExitCode> FollowAsync(ParseResult parse, string evacuationId, Session session)
    {
        try
        {
            var feed = new EvacuationFeed(session.Connection, ReconnectOption.Read(parse, _reconnectFor), session.Terminal.Clock);
            var end = await new EvacuationDisplay(session).ShowAsync(
                tell => feed.FollowAsync(evacuationId, known: true, tell, session.Cancellation));
            return WatchEvacuationCommand.Conclude(end, session);
        }
        catch (OperationCanceledException) when (session.Cancellation.IsCancellationRequested)
        {
            return session.Complain(new Complaint(ExitCode.Interrupted, "No longer watching. The evacuation goes on.")
            {
                Facts = [KeyValuePair.Create("evacuation_id", evacuationId)],
                Next = Follow(evacuationId, session),
            });
        }
        catch (RpcException failure)
        {
            return session.Complain(CallRefusal.Read(failure, session.Connection.Server, session.Connection.Timeout) with
            {
                Facts = [KeyValuePair.Create("evacuation_id", evacuationId)],
                Next = "the evacuation goes on; once the server is back, " + Follow(evacuationId, session),
            });
        }
    }

    private static Complaint NotStarted(RpcException failure, StartEvacuationRequest request, Session session)
    {
        var complaint = session.Cancellation.IsCancellationRequested
            ? new Complaint(ExitCode.Interrupted, "Interrupted before the server answered. It is not known whether the evacuation began.")
            : CallRefusal.Read(failure, session.Connection.Server, session.Connection.Timeout);
        return complaint.Exit != ExitCode.Interrupted && !CallRefusal.IsUnanswered(failure, complaint) ? complaint : complaint with
        {
            Facts = [KeyValuePair.Create("evacuation_id", request.EvacuationId)],
            Next = $"see whether it began: {session.Invite("evacuate get " + request.EvacuationId)}; "
                + $"repeating the command with --id {request.EvacuationId} is safe",
        };
    }

    private static string Begun(Evacuation evacuation, Session session) =>
        $"Evacuation {evacuation.EvacuationId} has begun: {EvacuationWords.Hosts(evacuation.Spec)}.\n"
        + $"Watch it with: {session.Invite("evacuate watch " + evacuation.EvacuationId)} "
        + $"or cancel it with: {session.Invite("evacuate cancel " + evacuation.EvacuationId)}";

    private static string Follow(string evacuationId, Session session) =>
        $"watch it with: {session.Invite("evacuate watch " + evacuationId)} or cancel it with: {session.Invite("evacuate cancel " + evacuationId)}";
}
