using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Evacuations;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Quantities;
using Orchestrator.Cli.Refusals;
using Orchestrator.Cli.Specs;
using Orchestrator.Specs;
using Orchestrator.V1;
using Option = System.CommandLine.Option;

namespace Orchestrator.Cli.Schedules;

/// <summary>migctl schedules create: from a file, or from options for what is simple.</summary>
internal static class CreateScheduleCommand
{
    public static Command Create(CommandRunner runner)
    {
        var options = new Options();
        var command = new Verb(
            "create",
            "Begins an evacuation or a migration by the clock. The same once more changes nothing; a schedule is not changed but deleted and "
            + "created anew. Blackouts, and everything that the options have no name for, are given in a file.",
            "schedules create nightly --cron \"0 0 2 ? * SAT\" --time-zone Europe/Berlin --window 4h --evacuate rack-12-a --evacuate rack-12-b",
            "schedules create rack-12 --cron \"0 0 2 ? * SUN\" --evacuation rack-12.yaml",
            "schedules create db-home --at 2026-11-21T02:00:00Z --migrate db-1 --to h2",
            "schedules create -f nightly.yaml");
        options.AddTo(command);
        runner.Bind(command, (parse, session) => CreateAsync(options, parse, session));
        return command;
    }

    private static async Task<ExitCode> CreateAsync(Options options, ParseResult parse, Session session)
    {
        var request = new CreateScheduleRequest { Spec = new ScheduleSpec() };
        if (parse.GetValue(options.File) is { } path)
        {
            if (!SpecFile.TryRead<CreateScheduleRequest>(session.Terminal, path, out var read, out var complaint))
            {
                return session.Complain(complaint);
            }

            if (read.Spec is null)
            {
                return session.Complain(Complaint.Usage(
                    $"{path} has no spec.", new FieldFault("spec", "is missing; the file needs name and spec at its top level")));
            }

            request = read;
        }

        if (parse.GetValue(options.Evacuation) is { } evacuation)
        {
            if (!SpecOptions.TryRead(session.Terminal, evacuation, out var spec, out var complaint))
            {
                return session.Complain(complaint);
            }

            request.Spec.Evacuation = spec;
        }

        options.Fill(parse, request);
        var answer = await session.Connection.Schedules.CreateScheduleAsync(request, session.Connection.Call(session.Cancellation));
        return session.Answer(answer, ScheduleText.NextOf(answer.Schedule));
    }

    private sealed class Options
    {
        private readonly Argument<string?> _name = new("SCHEDULE")
        {
            Description = "Its name: 1 to 63 of a-z, 0-9, '-' and '.'. Not needed when the file has one.",
            Arity = ArgumentArity.ZeroOrOne,
        };

        private readonly Option<string> _cron = new("--cron")
        {
            Description = "Again and again: six or seven fields, seconds first, as Quartz reads them.",
            HelpName = "expression",
        };

        private readonly Option<Timestamp?> _at = new("--at")
        {
            Description = $"Once: {Moment.Form}.",
            HelpName = "time",
            CustomParser = result =>
            {
                if (!Moment.TryParse(result.Tokens[^1].Value, out var moment))
                {
                    result.AddError($"--at: \"{result.Tokens[^1].Value}\" is no time; write {Moment.Form}.");
                }

                return moment;
            },
        };

        private readonly Option<string> _zone = new("--time-zone")
        {
            Description = "Of the cron expression, e.g. Europe/Berlin. Default: UTC.",
            HelpName = "name",
        };

        private readonly Option<Duration?> _window = QuantityOption.Duration(
            "--window", "What has not begun this long after a firing is not begun, and an evacuation is paused until the next. Default: no end.");

        private readonly Option<Duration?> _grace = QuantityOption.Duration(
            "--misfire-grace", "A firing that was missed is made up for within this time. Default: 10m.");

        private readonly Option<string[]> _evacuate = new("--evacuate")
        {
            Description = "Empties this host; may be repeated.",
            HelpName = "host",
            Arity = ArgumentArity.ZeroOrMore,
        };

        private readonly Option<string> _migrate = new("--migrate") { Description = "Moves this guest.", HelpName = "guest" };

        private readonly Option<string> _to = new("--to") { Description = "The guest's target. Default: placement chooses.", HelpName = "host" };

        private readonly Option<string> _policy = new("--policy")
        {
            Description = "Of what is begun. Default: the server's.",
            HelpName = "policy",
        };

        private readonly Option<string> _by = new("--by") { Description = "Who creates it, for the record.", HelpName = "text" };

        public Option<string> File { get; } = new("--file", "-f")
        {
            Description = "YAML or JSON with name and spec; - reads standard input. Field names as in proto/orchestrator/v1/schedules.proto.",
            HelpName = "path",
        };

        /// <summary>The file that migctl evacuate start --spec takes.</summary>
        public Option<string> Evacuation { get; } = SpecOptions.CreateFile("--evacuation");

        public void AddTo(Command command)
        {
            command.Add(_name);
            foreach (var option in new Option[] { File, _cron, _at, _zone, _window, _grace, _evacuate, Evacuation, _migrate, _to, _policy, _by })
            {
                command.Add(option);
            }

            command.Validators.Add(result =>
            {
                var (named, described) = (result.GetResult(_evacuate) is not null, result.GetResult(Evacuation) is not null);
                var (evacuates, migrates) = (named || described, result.GetResult(_migrate) is not null);
                if (result.GetResult(File) is not null)
                {
                    if (evacuates || migrates || new Option[] { _cron, _at, _zone, _window, _grace, _to, _policy }.Any(option => result.GetResult(option) is not null))
                    {
                        result.AddError("Give either --file or the options that say when and what.");
                    }

                    return;
                }

                if (result.GetResult(_cron) is not null == result.GetResult(_at) is not null)
                {
                    result.AddError("Say when: --cron or --at, one of them; or give --file.");
                }

                if (evacuates == migrates || (named && described))
                {
                    result.AddError("Say what: --evacuate, --evacuation or --migrate, one of them; or give --file.");
                }

                if (described && result.GetResult(_policy) is not null)
                {
                    result.AddError("--policy: the --evacuation file says it.");
                }

                if (evacuates && result.GetResult(_to) is not null)
                {
                    result.AddError("--to is for --migrate: an evacuation finds each guest a target of its own.");
                }
            });
        }

        public void Fill(ParseResult parse, CreateScheduleRequest request)
        {
            request.Name = parse.GetValue(_name) ?? request.Name;
            request.CreatedBy = parse.GetValue(_by) ?? request.CreatedBy;
            if (parse.GetResult(File) is not null)
            {
                return;
            }

            request.Spec.TimeZone = parse.GetValue(_zone) ?? "";
            request.Spec.Window = parse.GetValue(_window);
            request.Spec.MisfireGrace = parse.GetValue(_grace);
            if (parse.GetValue(_at) is { } at)
            {
                request.Spec.At = at;
            }
            else
            {
                request.Spec.Cron = parse.GetValue(_cron) ?? "";
            }

            if (parse.GetValue(_migrate) is { } guest)
            {
                request.Spec.Migration = new StartMigrationRequest
                {
                    GuestId = guest,
                    TargetHostId = parse.GetValue(_to) ?? "",
                    Policy = parse.GetValue(_policy) ?? "",
                };
            }
            else if (parse.GetValue(_evacuate) is { Length: > 0 } hosts)
            {
                request.Spec.Evacuation = new EvacuationSpec
                {
                    HostIds = { hosts },
                    Policy = parse.GetValue(_policy) ?? "",
                };
            }
        }
    }
}
