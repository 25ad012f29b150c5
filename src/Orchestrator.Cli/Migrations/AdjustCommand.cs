using System.CommandLine;
using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Quantities;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations;

/// <summary>migctl adjust: one change to a running migration.</summary>
internal sealed class AdjustCommand
{
    private readonly Argument<string> _id = MigrationCommands.Id();
    private readonly Option<string> _policy = new("--policy")
    {
        Description = "Converge by another policy from here on.",
        HelpName = "policy",
    };

    private readonly Option<uint?> _revision = QuantityOption.Count("--policy-revision", "Which revision of it. Default: the newest.");
    private readonly Option<ulong?> _bandwidth = QuantityOption.Rate("--bandwidth", "New cap of the copy; 0 = none.");
    private readonly Option<Duration?> _pause = QuantityOption.Duration(
        "--pause", "Stop the guest's CPUs now, for at most this long: 1ms to 1h.");

    private readonly Option<bool> _postCopy = new("--post-copy")
    {
        Description = "Run the guest on the target now and fetch the rest on demand. There is no way back from it.",
    };

    private readonly Option<Duration?> _raiseLimit = QuantityOption.Duration(
        "--raise-limit", "New downtime limit: 1ms up to the promised budget.");

    private readonly Option<Guid?> _requestId = UuidOption.Create(
        "--request-id", "UUID of this change, so that a repeated command is the same change. Default: a new one.");

    public static Command Create(CommandRunner runner)
    {
        var adjust = new AdjustCommand();
        var command = new Verb(
            "adjust",
            "Changes a running migration: exactly one of --policy, --bandwidth, --pause, --post-copy, --raise-limit.",
            "adjust 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d --raise-limit 500ms",
            "adjust 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d --bandwidth 50MiB/s",
            "adjust 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d --policy post-copy")
        {
            adjust._id, adjust._policy, adjust._revision, adjust._bandwidth, adjust._pause, adjust._postCopy, adjust._raiseLimit,
            adjust._requestId,
        };
        command.Validators.Add(result =>
        {
            System.CommandLine.Option[] changes = [adjust._policy, adjust._bandwidth, adjust._pause, adjust._postCopy, adjust._raiseLimit];
            if (changes.Count(option => result.GetResult(option) is not null) != 1)
            {
                result.AddError($"Give exactly one of {string.Join(", ", changes.Select(option => option.Name))}.");
            }
            else if (result.GetResult(adjust._revision) is not null && result.GetResult(adjust._policy) is null)
            {
                result.AddError("--policy-revision: only with --policy.");
            }
        });
        runner.Bind(command, adjust.RunAsync);
        return command;
    }

    private async Task<ExitCode> RunAsync(ParseResult parse, Session session)
    {
        var request = new AdjustMigrationRequest
        {
            MigrationId = parse.GetRequiredValue(_id),
            RequestId = (parse.GetValue(_requestId) ?? Guid.NewGuid()).ToString(),
        };
        var what = Fill(parse, request);
        var answer = await session.Connection.Migrations.AdjustMigrationAsync(request, session.Connection.Call(session.Cancellation));
        return session.Answer(
            answer,
            $"Guest {answer.Migration.GuestId}'s migration: asked to {what}. See how it was taken: "
            + $"{session.Invite("explain " + answer.Migration.MigrationId)}");
    }

    /// <returns>The change in words.</returns>
    private string Fill(ParseResult parse, AdjustMigrationRequest request)
    {
        if (parse.GetValue(_policy) is { } policy)
        {
            request.SwitchPolicy = new SwitchPolicy { Policy = policy, Revision = parse.GetValue(_revision) ?? 0 };
            return $"follow policy {policy}";
        }

        if (parse.GetValue(_bandwidth) is { } rate)
        {
            request.SetBandwidth = rate;
            return rate == 0 ? "lift the bandwidth cap" : $"cap the bandwidth at {QuantityText.Rate(rate)}";
        }

        if (parse.GetValue(_pause) is { } pause)
        {
            request.PauseNow = pause;
            return $"pause the guest for at most {QuantityText.Duration(pause)}";
        }

        if (parse.GetValue(_raiseLimit) is { } limit)
        {
            request.RaiseLimit = limit;
            return $"set the downtime limit to {QuantityText.Duration(limit)}";
        }

        Debug.Assert(parse.GetValue(_postCopy), "The validator wants exactly one.");
        request.PostCopyNow = new PostCopyNow();
        return "switch to post-copy";
    }
}
