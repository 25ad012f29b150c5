using System.CommandLine;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Migrations.Following;
using Orchestrator.Cli.Migrations.Progress;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations;

/// <summary>migctl watch: one migration to its end, or all of them until interrupted.</summary>
internal static class WatchCommand
{
    public static Command Create(CommandRunner runner)
    {
        var id = new Argument<string?>("MIGRATION")
        {
            Description = "Id of the migration, a UUID. Without it: all, until interrupted.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var filter = new FilterOptions();
        var reconnectFor = ReconnectOption.Create();
        var command = new Verb(
            "watch",
            "Shows migrations as they go. Leaves with 1 when the migration that is watched ends in anything but completed.",
            "watch 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d",
            "watch --host h1",
            "watch -o json")
        {
            id,
        };
        filter.AddTo(command);
        command.Add(reconnectFor);
        command.Validators.Add(result =>
        {
            if (result.GetValue(id) is not null && filter.IsGiven(result))
            {
                result.AddError("A migration's id names it already; leave --guest and --host out.");
            }
        });
        runner.Bind(command, async (parse, session) =>
        {
            var feed = new MigrationFeed(session.Connection, ReconnectOption.Read(parse, reconnectFor), session.Terminal.Clock);
            if (parse.GetValue(id) is not { } migrationId)
            {
                await new ProgressDisplay(session, many: true).ShowAsync(
                    tell => feed.FollowAllAsync(filter.Read(parse), tell, session.Cancellation));
                return ExitCode.Ok;
            }

            var end = await new ProgressDisplay(session, many: false).ShowAsync(
                tell => feed.FollowAsync(migrationId, known: false, untilAttention: false, tell, session.Cancellation));
            return Conclude(end, session);
        });
        return command;
    }

    /// <summary>Says what became of it, and leaves accordingly.</summary>
    public static ExitCode Conclude(Migration? end, Session session)
    {
        if (end is not null && session.Format == OutputFormat.Table)
        {
            session.Terminal.Say(SummaryText.Render(end) + $"  why:      {session.Invite("explain " + end.MigrationId)}");
        }

        return end?.Phase == MigrationPhase.Completed ? ExitCode.Ok : ExitCode.Refused;
    }
}
