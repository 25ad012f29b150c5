using System.CommandLine;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Policies;
using Orchestrator.Cli.Quantities;
using Orchestrator.Cli.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations.Replaying;

/// <summary>migctl replay: what a policy would have decided on the readings of a migration.</summary>
internal sealed class ReplayCommand
{
    private readonly Argument<string> _id = MigrationCommands.Id();
    private readonly Option<string> _policy = new("--policy")
    {
        Description = "A stored policy, its newest revision or the one named. Default: the one that the migration ran under.",
        HelpName = "policy[@revision]",
    };

    private readonly Option<string> _file = new("--file", "-f")
    {
        Description = "A policy file as policies apply takes it, instead of a stored policy; - reads standard input.",
        HelpName = "path",
    };

    private readonly Option<Duration?> _maxDowntime = QuantityOption.Duration(
        "--max-downtime", "As if this had been promised: 1ms to 2000s. Default: what was.");

    private readonly Option<Duration?> _deadline = QuantityOption.Duration(
        "--deadline", "As if this had been the deadline: 1s to 7d. Default: what was asked for.");

    public static Command Create(CommandRunner runner)
    {
        var replay = new ReplayCommand();
        var command = new Verb(
            "replay",
            "What a policy would have decided on the readings of a migration, beside what was decided, and where the two part. From there on "
            + "the readings are those of another history. Nothing is changed by it.",
            "replay 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d",
            "replay 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d --policy predictive",
            "replay 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d --policy mine@2 --max-downtime 200ms",
            "replay 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d -f mine.yaml -o json")
        {
            replay._id, replay._policy, replay._file, replay._maxDowntime, replay._deadline,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(replay._policy) is not null && result.GetResult(replay._file) is not null)
            {
                result.AddError("Give either --policy or --file.");
            }
            else if (result.GetValue(replay._policy) is { } policy && !TryRead(policy, out _, out _))
            {
                result.AddError($"--policy: \"{policy}\" is no name, alone or with @ and a revision from 1, e.g. mine@2.");
            }
        });
        runner.Bind(command, replay.RunAsync);
        return command;
    }

    private async Task<ExitCode> RunAsync(ParseResult parse, Session session)
    {
        var request = new ReplayMigrationRequest
        {
            MigrationId = parse.GetRequiredValue(_id),
            MaxDowntime = parse.GetValue(_maxDowntime),
            Deadline = parse.GetValue(_deadline),
        };
        if (parse.GetValue(_policy) is { } policy && TryRead(policy, out var name, out var revision))
        {
            (request.Policy, request.Revision) = (name, revision);
        }

        if (parse.GetValue(_file) is { } path)
        {
            if (!SpecFile.TryRead<CreatePolicyRequest>(session.Terminal, path, out var file, out var complaint))
            {
                return session.Complain(complaint);
            }

            if (file.Document is null)
            {
                return session.Complain(PolicyFile.NoDocument(path));
            }

            request.Document = file.Document;
        }

        var answer = await session.Connection.Migrations.ReplayMigrationAsync(request, session.Connection.Call(session.Cancellation));
        return session.Answer(answer, ReplayText.Render(answer, session.Terminal.Width));
    }

    private static bool TryRead(string text, out string name, out uint revision)
    {
        var parts = text.Split('@', 2);
        (name, revision) = (parts[0], 0);
        return name.Length > 0
            && (parts.Length == 1 || (uint.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out revision) && revision > 0));
    }
}
