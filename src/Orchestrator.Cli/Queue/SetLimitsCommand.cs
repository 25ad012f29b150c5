using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Quantities;
using Orchestrator.Cli.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Queue;

/// <summary>migctl limits set: all of them from a file, or single ones by flags on top of those that hold.</summary>
internal sealed class SetLimitsCommand
{
    private readonly Option<string> _file = new("--file", "-f")
    {
        Description = "YAML or JSON with all limits, as migctl limits get writes it; - reads standard input. Flags go on top.",
        HelpName = "path",
    };

    private readonly Option<uint?> _transferring = QuantityOption.Count("--transferring", "Migrations that transfer at once, in the whole fleet.");
    private readonly Option<uint?> _preparing = QuantityOption.Count("--preparing", "Migrations that are being prepared or wait prepared.");
    private readonly Option<uint?> _perSource = QuantityOption.Count("--per-source", "Transferring from one host.");
    private readonly Option<uint?> _perTarget = QuantityOption.Count("--per-target", "Transferring to one host.");
    private readonly Option<uint?> _preparingPerTarget = QuantityOption.Count("--preparing-per-target", "Being prepared on one host.");
    private readonly Option<ulong?> _minRate = QuantityOption.Rate("--min-rate", "What a transfer gets at least of both its links, or it waits.");

    private readonly Option<Duration?> _failureMemory = QuantityOption.Duration(
        "--failure-memory", "A guest is not sent again to a host where it failed, for this long. 0 to 24h.");

    private readonly Option<double?> _linkShare = new("--link-share")
    {
        Description = "Share of each host's link that migrations may use: above 0, at most 1.",
        HelpName = "number",
    };

    private readonly Option<string> _changedBy = new("--changed-by")
    {
        Description = "Who changes them and why, for the record. At most 500 characters.",
        HelpName = "text",
    };

    public static Command Create(CommandRunner runner)
    {
        var set = new SetLimitsCommand();
        var command = new Verb(
            "set",
            "Changes the limits, at once: more is let through, or what transfers gets less bandwidth. What runs above a lowered limit runs on.",
            "limits set -f limits.yaml --changed-by \"ops: backup window\"",
            "limits set --transferring 200 --per-source 2")
        {
            set._file, set._transferring, set._preparing, set._perSource, set._perTarget, set._preparingPerTarget, set._minRate,
            set._failureMemory, set._linkShare, set._changedBy,
        };
        command.Validators.Add(result =>
        {
            System.CommandLine.Option[] changing =
            [
                set._file, set._transferring, set._preparing, set._perSource, set._perTarget, set._preparingPerTarget, set._minRate,
                set._failureMemory, set._linkShare,
            ];
            if (changing.All(option => result.GetResult(option) is null))
            {
                result.AddError($"Nothing to change: give {string.Join(", ", changing.Select(option => option.Name))}.");
            }
        });
        runner.Bind(command, set.RunAsync);
        return command;
    }

    private async Task<ExitCode> RunAsync(ParseResult parse, Session session)
    {
        // Read first in any case: what somebody else changes meanwhile is not overwritten.
        var now = await session.Connection.Admission.GetLimitsAsync(new GetLimitsRequest(), session.Connection.Call(session.Cancellation));
        var wanted = now.Limits;
        if (parse.GetValue(_file) is { } path)
        {
            if (!SpecFile.TryRead<AdmissionLimits>(session.Terminal, path, out var read, out var complaint))
            {
                return session.Complain(complaint);
            }

            wanted = read;
        }

        Change(parse, wanted);
        var answer = await session.Connection.Admission.UpdateLimitsAsync(
            new UpdateLimitsRequest { Limits = wanted, ExpectedRevision = now.Revision, ChangedBy = parse.GetValue(_changedBy) ?? "" },
            session.Connection.Call(session.Cancellation));
        return session.Answer(
            answer,
            answer.Revision == now.Revision
                ? $"The limits are unchanged: revision {answer.Revision}."
                : $"The limits have a new revision: {answer.Revision} (was {now.Revision}). They hold from now on.");
    }

    private void Change(ParseResult parse, AdmissionLimits limits)
    {
        limits.Transferring = Count(_transferring) ?? limits.Transferring;
        limits.Preparing = Count(_preparing) ?? limits.Preparing;
        limits.TransferringPerSource = Count(_perSource) ?? limits.TransferringPerSource;
        limits.TransferringPerTarget = Count(_perTarget) ?? limits.TransferringPerTarget;
        limits.PreparingPerTarget = Count(_preparingPerTarget) ?? limits.PreparingPerTarget;
        limits.MinBytesPerSecond = parse.GetValue(_minRate) is { } rate ? (long)Math.Min(rate, long.MaxValue) : limits.MinBytesPerSecond;
        limits.FailureMemory = parse.GetValue(_failureMemory) ?? limits.FailureMemory;
        limits.LinkShare = parse.GetValue(_linkShare) ?? limits.LinkShare;

        int? Count(Option<uint?> option) => parse.GetValue(option) is { } count ? (int)Math.Min(count, int.MaxValue) : null;
    }
}
