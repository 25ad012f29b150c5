using System.CommandLine;
using Grpc.Core;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Migrations.Explaining;
using Orchestrator.Cli.Migrations.Progress;
using Orchestrator.Cli.Migrations.Replaying;
using Orchestrator.Cli.Quantities;
using Orchestrator.Cli.Rendering;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations;

/// <summary>What is asked about migrations, and cancel.</summary>
internal static class MigrationCommands
{
    private const uint UsualLimit = 50;

    /// <summary>All verbs but migrate. Each call makes new ones, since a command has one place.</summary>
    public static IEnumerable<Command> Create(CommandRunner runner) =>
    [
        List(runner), WatchCommand.Create(runner), Get(runner), Explain(runner), Readings(runner), ReplayCommand.Create(runner),
        Calibrations(runner), Cancel(runner), AdjustCommand.Create(runner),
    ];

    public static Argument<string> Id() => new("MIGRATION") { Description = "Id of the migration, a UUID." };

    private static Verb List(CommandRunner runner)
    {
        var filter = new FilterOptions();
        var limit = QuantityOption.Count("--limit", "How many at most; 0 = all. Default: 50.");
        var command = new Verb(
            "list", "Migrations, newest first.", "list", "list --running --host h1", "list --guest web-1 --phase failed --limit 0");
        filter.AddTo(command);
        filter.AddPhasesTo(command);
        command.Add(limit);
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await Paging.CollectAsync(
                parse.GetValue(limit) ?? UsualLimit,
                async (size, token) => await session.Connection.Migrations.ListMigrationsAsync(
                    new ListMigrationsRequest { Filter = filter.Read(parse), PageSize = size, PageToken = token },
                    session.Connection.Call(session.Cancellation)),
                page => page.Migrations.Count,
                page => page.NextPageToken);
            var more = answer.NextPageToken.Length > 0 ? $"There are more than {answer.Migrations.Count}; --limit 0 shows all.\n" : "";
            return session.Answer(answer, MigrationText.Table(answer.Migrations) + more);
        });
        return command;
    }

    private static Verb Get(CommandRunner runner)
    {
        var id = Id();
        var command = new Verb(
            "get",
            "One migration: what was asked, where it stands, every change of phase.",
            "get 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d")
        {
            id,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await GetAsync(parse.GetRequiredValue(id), session);
            return session.Answer(answer, MigrationText.Describe(answer));
        });
        return command;
    }

    private static Verb Explain(CommandRunner runner)
    {
        var id = Id();
        var command = new Verb(
            "explain",
            "Tells in words what was promised, what was decided and why, and what came of it. With -o json: the decisions.",
            "explain 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d")
        {
            id,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var migrationId = parse.GetRequiredValue(id);
            var decisions = await Paging.CollectAsync(
                0,
                async (size, token) => await session.Connection.Migrations.ListDecisionsAsync(
                    new ListDecisionsRequest { MigrationId = migrationId, PageSize = size, PageToken = token },
                    session.Connection.Call(session.Cancellation)),
                page => page.Decisions.Count,
                page => page.NextPageToken);
            if (session.Format == OutputFormat.Json)
            {
                return session.Answer(decisions, "");
            }

            var migration = (await GetAsync(migrationId, session)).Migration;
            var guest = await FindGuestAsync(migration.GuestId, session);
            return session.Answer(decisions, ExplainText.Render(migration, guest, decisions.Decisions, session.Terminal.Width));
        });
        return command;
    }

    private static Verb Readings(CommandRunner runner)
    {
        var id = Id();
        var limit = QuantityOption.Count("--limit", "How many at most, from the oldest; 0 = all. Default: 0.");
        var command = new Verb(
            "readings", "What the policy saw, oldest first.", "readings 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d -o json")
        {
            id, limit,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await Paging.CollectAsync(
                parse.GetValue(limit) ?? 0,
                async (size, token) => await session.Connection.Migrations.ListReadingsAsync(
                    new ListReadingsRequest { MigrationId = parse.GetRequiredValue(id), PageSize = size, PageToken = token },
                    session.Connection.Call(session.Cancellation)),
                page => page.Readings.Count,
                page => page.NextPageToken);
            return session.Answer(answer, ReadingText.Table(answer.Readings));
        });
        return command;
    }

    private static Verb Calibrations(CommandRunner runner)
    {
        var command = new Verb(
            "calibrations",
            "How well downtimes were predicted, by engine versions and kind of devices: what a switch-over costs however little is left (half of "
            + "them less, nine of ten less), and by how much the truth was above the prediction (median, and median of the absolute values).",
            "calibrations");
        runner.Bind(command, async (_, session) =>
        {
            var answer = await session.Connection.Migrations.ListCalibrationsAsync(
                new ListCalibrationsRequest(), session.Connection.Call(session.Cancellation));
            return session.Answer(answer, CalibrationText.Table(answer.Calibrations));
        });
        return command;
    }

    private static Verb Cancel(CommandRunner runner)
    {
        var id = Id();
        var reason = new Option<string>("--reason") { Description = "Why, for the record. At most 500 characters.", HelpName = "text" };
        var command = new Verb(
            "cancel",
            "Asks for a migration to be undone: the guest runs on at the source. Returns when that is written down, not when it is done.",
            "cancel 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d --reason \"wrong target\"")
        {
            id, reason,
        };
        runner.Bind(command, async (parse, session) =>
        {
            var answer = await session.Connection.Migrations.CancelMigrationAsync(
                new CancelMigrationRequest { MigrationId = parse.GetRequiredValue(id), Reason = parse.GetValue(reason) ?? "" },
                session.Connection.Call(session.Cancellation));
            return session.Answer(
                answer,
                $"Guest {answer.Migration.GuestId}'s migration is {EnumText.Of(answer.Migration.Phase)}."
                + $" Follow it with: {session.Invite("watch " + answer.Migration.MigrationId)}");
        });
        return command;
    }

    private static async Task<GetMigrationResponse> GetAsync(string migrationId, Session session) =>
        await session.Connection.Migrations.GetMigrationAsync(
            new GetMigrationRequest { MigrationId = migrationId }, session.Connection.Call(session.Cancellation));

    /// <returns>Null when the guest has been removed since.</returns>
    private static async Task<Guest?> FindGuestAsync(string guestId, Session session)
    {
        try
        {
            var answer = await session.Connection.Guests.GetGuestAsync(
                new GetGuestRequest { GuestId = guestId }, session.Connection.Call(session.Cancellation));
            return answer.Guest;
        }
        catch (RpcException unknown) when (unknown.StatusCode == StatusCode.NotFound)
        {
            return null;
        }
    }
}
