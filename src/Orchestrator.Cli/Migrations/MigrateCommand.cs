using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Migrations.Following;
using Orchestrator.Cli.Migrations.Progress;
using Orchestrator.Cli.Quantities;
using Orchestrator.Cli.Queue;
using Orchestrator.Cli.Refusals;
using Orchestrator.Cli.Rendering;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations;

/// <summary>migctl migrate: starts a migration and shows it to its end.</summary>
internal sealed class MigrateCommand
{
    private readonly Argument<string> _guest = new("GUEST") { Description = "Id of the guest to move." };
    private readonly Argument<string?> _host = new("HOST")
    {
        Description = "Id of the host to move it to. Without one the server chooses when the migration's turn comes.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string> _policy = new("--policy")
    {
        Description = "How to converge. Default: the server's default policy.",
        HelpName = "policy",
    };

    private readonly Option<uint?> _revision = QuantityOption.Count("--policy-revision", "Which revision of it. Default: the newest.");

    private readonly Option<Duration?> _maxDowntime = QuantityOption.Duration(
        "--max-downtime", "Downtime budget: 1ms to 2000s; the smaller of this and the policy's holds. Default: the policy's.");

    private readonly Option<Duration?> _deadline = QuantityOption.Duration(
        "--deadline", "Limit on the total time: 1s to 7d. Default: the policy's stop conditions alone.");

    private readonly Option<string> _mode = new Option<string>("--mode")
    {
        Description = "live: the guest runs while it is copied. non-live: it is stopped first and stays so until the end. Default: live.",
        HelpName = "mode",
    }.AcceptOnlyFromAmong([.. EnumText.All<MigrationMode>()]);

    private readonly Option<ulong?> _bandwidth = QuantityOption.Rate(
        "--bandwidth", "Cap of the copy, e.g. 100MiB/s or 1Gbit/s. Default: the policy's.");

    private readonly Option<Guid?> _id = UuidOption.Create(
        "--id", "UUID of the migration, so that a repeated command is the same migration and not a second one. Default: a new one.");

    private readonly Option<string> _requestedBy = new("--requested-by")
    {
        Description = "Who asks and why, for the record. At most 500 characters.",
        HelpName = "text",
    };

    private readonly Option<string> _class = new("--class")
    {
        Description = "Priority class: one of those that migctl limits get shows. Default: user.",
        HelpName = "class",
    };

    private readonly Option<Duration?> _notBefore = QuantityOption.Duration(
        "--not-before", "Waits in the queue for this long first, e.g. 2h. At most 30d.");

    private readonly Option<bool> _detach = new("--detach", "-d")
    {
        Description = "Return when it has begun. Default: follow it to its end.",
    };

    private readonly Option<Duration?> _reconnectFor = ReconnectOption.Create();

    public static Command Create(CommandRunner runner)
    {
        var migrate = new MigrateCommand();
        var command = new Verb(
            "migrate",
            "Moves a guest to another host and shows how it goes. Leaves with 1 when it ends in anything but completed. "
            + "Ctrl-C stops the showing, never the migration.",
            "migrate web-1 h2",
            "migrate web-1 --class rebalancing --not-before 2h",
            "migrate web-1 h2 --max-downtime 400ms --deadline 10m --bandwidth 100MiB/s",
            "migrate web-1 h2 --policy post-copy --detach --requested-by \"ops: new kernel on h1\"",
            "migrate web-1 h2 -o json")
        {
            migrate._guest, migrate._host, migrate._policy, migrate._revision, migrate._maxDowntime, migrate._deadline, migrate._mode,
            migrate._bandwidth, migrate._id, migrate._requestedBy, migrate._class, migrate._notBefore, migrate._detach, migrate._reconnectFor,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(migrate._revision) is not null && result.GetResult(migrate._policy) is null)
            {
                result.AddError("--policy-revision: only with --policy.");
            }
        });
        runner.Bind(command, migrate.RunAsync);
        return command;
    }

    private async Task<ExitCode> RunAsync(ParseResult parse, Session session)
    {
        var request = Request(parse, session.Terminal.Clock.GetUtcNow());
        StartMigrationResponse started;
        try
        {
            started = await session.Connection.Migrations.StartMigrationAsync(request, session.Connection.Call(session.Cancellation));
        }
        catch (RpcException failure)
        {
            return session.Complain(NotStarted(failure, request, session));
        }

        if (parse.GetValue(_detach))
        {
            return session.Answer(started, Begun(started.Migration, session));
        }

        try
        {
            var feed = new MigrationFeed(session.Connection, ReconnectOption.Read(parse, _reconnectFor), session.Terminal.Clock);
            var end = await new ProgressDisplay(session, many: false).ShowAsync(
                tell => feed.FollowAsync(request.MigrationId, known: true, untilAttention: true, tell, session.Cancellation));
            return WatchCommand.Conclude(end, session);
        }
        catch (OperationCanceledException) when (session.Cancellation.IsCancellationRequested)
        {
            return session.Complain(new Complaint(ExitCode.Interrupted, "No longer watching. The migration goes on.")
            {
                Facts = [KeyValuePair.Create("migration_id", request.MigrationId)],
                Next = Follow(request.MigrationId, session),
            });
        }
        catch (RpcException failure)
        {
            return session.Complain(CallRefusal.Read(failure, session.Connection.Server, session.Connection.Timeout) with
            {
                Facts = [KeyValuePair.Create("migration_id", request.MigrationId)],
                Next = "the migration goes on; once the server is back, " + Follow(request.MigrationId, session),
            });
        }
    }

    private StartMigrationRequest Request(ParseResult parse, DateTimeOffset now) => new()
    {
        MigrationId = (parse.GetValue(_id) ?? Guid.NewGuid()).ToString(),
        GuestId = parse.GetRequiredValue(_guest),
        TargetHostId = parse.GetValue(_host) ?? "",
        Policy = parse.GetValue(_policy) ?? "",
        PolicyRevision = parse.GetValue(_revision) ?? 0,
        MaxDowntime = parse.GetValue(_maxDowntime),
        Deadline = parse.GetValue(_deadline),
        Mode = parse.GetValue(_mode) is { } mode ? EnumText.Find<MigrationMode>(mode) ?? default : default,
        MaxBytesPerSecond = parse.GetValue(_bandwidth) ?? 0,
        RequestedBy = parse.GetValue(_requestedBy) ?? "",
        PriorityClass = parse.GetValue(_class) ?? "",
        NotBefore = parse.GetValue(_notBefore) is { } wait ? (now + wait.ToTimeSpan()).ToTimestamp() : null,
    };

    private static Complaint NotStarted(RpcException failure, StartMigrationRequest request, Session session)
    {
        var complaint = session.Cancellation.IsCancellationRequested
            ? new Complaint(ExitCode.Interrupted, "Interrupted before the server answered. It is not known whether the migration began.")
            : CallRefusal.Read(failure, session.Connection.Server, session.Connection.Timeout);
        return complaint.Exit != ExitCode.Interrupted && !CallRefusal.IsUnanswered(failure, complaint) ? complaint : complaint with
        {
            Facts = [KeyValuePair.Create("migration_id", request.MigrationId)],
            Next = $"see whether it began: {session.Invite("get " + request.MigrationId)}; "
                + $"repeating the command with --id {request.MigrationId} is safe",
        };
    }

    private static string Begun(Migration migration, Session session) =>
        $"Migration {migration.MigrationId} {(migration.Phase == MigrationPhase.Queued ? "is in the queue" : "has begun")}: "
        + $"guest {migration.GuestId} from {migration.SourceHostId} to {QueueText.Target(migration.TargetHostId)}.\n"
        + Capitalised(Follow(migration.MigrationId, session));

    private static string Follow(string migrationId, Session session) =>
        $"watch it with: {session.Invite("watch " + migrationId)} or cancel it with: {session.Invite("cancel " + migrationId)}";

    private static string Capitalised(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
