using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Notices;
using Orchestrator.Cli.Quantities;
using Orchestrator.Cli.Refusals;
using Orchestrator.Cli.Specs;
using Orchestrator.Specs;
using Orchestrator.V1;
using Option = System.CommandLine.Option;

namespace Orchestrator.Cli.Evacuations;

/// <summary>What is to be evacuated and how: from options, or from a file with options on top.</summary>
internal sealed class SpecOptions
{
    private readonly Argument<string[]> _hosts = new("HOST")
    {
        Description = "Ids of the hosts to empty, in the order of their turns. Or give --label.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string[]> _labels = LabelOption.Create("All hosts that have this label, and all others given. May be repeated.");

    private readonly Option<string> _file = CreateFile("--spec");

    private readonly Option<uint?> _maxHostsOut = QuantityOption.Count(
        "--max-hosts-out", "Rolling maintenance: the next host's turn comes when one of these is uncordoned again. 0 = all at once. Default: 0.");

    private readonly Option<string> _policy = new("--policy") { Description = "How to converge. Default: the server's.", HelpName = "policy" };

    private readonly Option<string[]> _retryPolicies = new("--retry-policy")
    {
        Description = "What follows on each failure of a guest, in order, the last one over and over; may be repeated. Default: --policy again.",
        HelpName = "policy",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<Duration?> _maxDowntime = QuantityOption.Duration(
        "--max-downtime", "Downtime budget of every guest: 1ms to 2000s. Default: the policy's.");

    private readonly Option<Deadline?> _deadline = Deadline.CreateOption();

    private readonly Option<uint?> _maxAttempts = QuantityOption.Count(
        "--max-attempts", "Times a guest is tried before it is given up: 1 to 20. Default: 4.");

    private readonly Option<Duration?> _backoff = QuantityOption.Duration(
        "--backoff", "Wait before a guest that failed is tried again, doubled each time: 1s to 10m. Default: 10s.");

    private readonly OverrideOptions _overrides = new();

    private readonly NoticeOptions _notice = new("Tell owners this long before their guests move. 0 to 24h. Default: as the guests' own terms say.");

    private readonly Option<string> _reason = new("--reason") { Description = "Why, for the record. At most 500 characters.", HelpName = "text" };

    private readonly Option<string> _class = new("--class")
    {
        Description = "Priority class of its migrations. Default: evacuation.",
        HelpName = "class",
    };

    /// <summary>An option for a file with an EvacuationSpec.</summary>
    public static Option<string> CreateFile(string name) => new(name)
    {
        Description = "YAML or JSON with field names as in EvacuationSpec of proto/orchestrator/v1/evacuations.proto; - reads standard input.",
        HelpName = "path",
    };

    public static bool TryRead(
        Terminal terminal, string path, [NotNullWhen(true)] out EvacuationSpec? spec, [NotNullWhen(false)] out Complaint? complaint) =>
        SpecFile.TryRead(terminal, path, out spec, out complaint);

    public void AddTo(Command command)
    {
        command.Add(_hosts);
        foreach (var option in new Option[]
            {
                _labels, _file, _maxHostsOut, _policy, _retryPolicies, _maxDowntime, _deadline, _maxAttempts, _backoff,
            }
            .Concat(_overrides.All).Concat(_notice.All).Concat([_reason, _class]))
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            // As many hosts as are named would take in an option that does not exist.
            foreach (var token in result.GetResult(_hosts)?.Tokens.Where(token => token.Value.StartsWith('-')) ?? [])
            {
                result.AddError($"Unrecognized command or argument '{token.Value}'.");
            }

            var (hosts, labels) = (result.GetResult(_hosts)?.Tokens.Count > 0, result.GetResult(_labels) is not null);
            if (hosts && labels)
            {
                result.AddError("Give hosts or --label, not both.");
            }
            else if (!hosts && !labels && result.GetResult(_file) is null)
            {
                result.AddError("Say what is to be emptied: hosts, --label or --spec.");
            }

            _overrides.Check(result);
        });
    }

    /// <summary>What the command line says holds over what the file says.</summary>
    public bool TryRead(
        ParseResult parse, Session session, [NotNullWhen(true)] out EvacuationSpec? spec, [NotNullWhen(false)] out Complaint? complaint)
    {
        (spec, complaint) = (new EvacuationSpec(), null);
        if (parse.GetValue(_file) is { } path && !TryRead(session.Terminal, path, out spec, out complaint))
        {
            return false;
        }

        Apply(parse, spec, session.Terminal.Clock.GetUtcNow());
        if (spec.HostIds.Count == 0 && spec.HostLabels.Count == 0)
        {
            complaint = Complaint.Usage(
                $"{parse.GetValue(_file)} names no host.", new FieldFault("host_ids", "is missing, and host_labels too; or name hosts on the command line"));
            return false;
        }

        return true;
    }

    private void Apply(ParseResult parse, EvacuationSpec spec, DateTimeOffset now)
    {
        var (hosts, labels) = (parse.GetValue(_hosts) ?? [], LabelOption.Read(parse, _labels));
        if (hosts.Length > 0 || labels.Count > 0)
        {
            spec.HostIds.Clear();
            spec.HostIds.Add(hosts);
            spec.HostLabels.Clear();
            spec.HostLabels.Add(labels);
        }

        spec.MaxHostsOut = Count(parse, _maxHostsOut) ?? spec.MaxHostsOut;
        spec.Policy = parse.GetValue(_policy) ?? spec.Policy;
        if (parse.GetValue(_retryPolicies) is { Length: > 0 } policies)
        {
            spec.RetryPolicies.Clear();
            spec.RetryPolicies.Add(policies);
        }

        spec.MaxDowntime = parse.GetValue(_maxDowntime) ?? spec.MaxDowntime;
        spec.Deadline = parse.GetValue(_deadline)?.After(now) ?? spec.Deadline;
        spec.MaxAttempts = Count(parse, _maxAttempts) ?? spec.MaxAttempts;
        spec.Backoff = parse.GetValue(_backoff) ?? spec.Backoff;
        spec.Notice = _notice.Read(parse) ?? spec.Notice;
        spec.Reason = parse.GetValue(_reason) ?? spec.Reason;
        spec.PriorityClass = parse.GetValue(_class) ?? spec.PriorityClass;
        _overrides.Apply(parse, spec);
    }

    // The contract's counts are signed; what is too much for them is too much for the server as well, and it says so.
    private static int? Count(ParseResult parse, Option<uint?> option) =>
        parse.GetValue(option) is { } count ? (int)Math.Min(count, int.MaxValue) : null;
}
