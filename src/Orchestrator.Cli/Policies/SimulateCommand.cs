using System.CommandLine;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Quantities;
using Orchestrator.Cli.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Policies;

/// <summary>migctl policies simulate: a policy against a described guest, in the model of the engine.</summary>
internal sealed class SimulateCommand
{
    private readonly Argument<string?> _policy = new("POLICY")
    {
        Description = "Name of a stored policy; left out with --policy-file.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<uint?> _revision = QuantityOption.Count("--revision", "Which revision. Default: the newest.");

    private readonly Option<string?> _policyFile = new("--policy-file")
    {
        Description = "A policy file as policies apply takes it, instead of a stored policy.",
        HelpName = "path",
    };

    private readonly Option<string> _file = new("--file", "-f")
    {
        Description = "YAML or JSON of the migration to imagine: guest, link, engine, max_downtime, deadline, permitted, as SimulatedMigration in "
            + "proto/orchestrator/v1/simulation.proto; sizes such as 64GiB, rates such as 10Gbit/s. - reads standard input.",
        HelpName = "path",
        Required = true,
    };

    public static Command Create(CommandRunner runner)
    {
        var simulate = new SimulateCommand();
        var command = new Verb(
            "simulate",
            "Runs a policy against a described guest in a model of QEMU's migration loop: how it would end, and what would be decided when and why. "
            + "Nothing is moved. Leaves with 1 when the migration would not end within its terms.",
            "policies simulate predictive -f guest.yaml",
            "policies simulate nova -f guest.yaml -o json",
            "policies simulate --policy-file mine.yaml -f guest.yaml")
        {
            simulate._policy, simulate._revision, simulate._policyFile, simulate._file,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(simulate._policy) is null == result.GetValue(simulate._policyFile) is null)
            {
                result.AddError("Give either the name of a stored policy or --policy-file.");
            }
        });
        runner.Bind(command, simulate.RunAsync);
        return command;
    }

    private async Task<ExitCode> RunAsync(ParseResult parse, Session session)
    {
        if (!SpecFile.TryRead<SimulatedMigration>(session.Terminal, parse.GetRequiredValue(_file), out var migration, out var complaint))
        {
            return session.Complain(complaint);
        }

        var request = new SimulateRequest { Migration = migration, Policy = parse.GetValue(_policy) ?? "", Revision = parse.GetValue(_revision) ?? 0 };
        if (parse.GetValue(_policyFile) is { } path)
        {
            if (!SpecFile.TryRead<CreatePolicyRequest>(session.Terminal, path, out var file, out complaint))
            {
                return session.Complain(complaint);
            }

            if (file.Document is null)
            {
                return session.Complain(PolicyFile.NoDocument(path));
            }

            request.Document = file.Document;
        }

        var answer = await session.Connection.Policies.SimulateAsync(request, session.Connection.Call(session.Cancellation));
        session.Answer(answer, SimulationText.Tell(answer.Run, migration));
        return answer.Run.End == SimulatedEnd.WithinTerms ? ExitCode.Ok : ExitCode.Refused;
    }
}
