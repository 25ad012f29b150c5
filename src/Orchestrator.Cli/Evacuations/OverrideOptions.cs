using System.CommandLine;
using System.CommandLine.Parsing;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Evacuations;

/// <summary>What is different for single guests: GUEST, or GUEST=VALUE, each any number of times.</summary>
internal sealed class OverrideOptions
{
    private readonly Option<string[]> _skip = Guest("--skip", "This guest stays where it is; the evacuation can complete without it. May be repeated.");

    private readonly Option<string[]> _restart = Guest("--restart", "This guest is shut down and started on another host. May be repeated.");

    private readonly Option<string[]> _postCopy = Guest(
        "--post-copy", "This guest may be finished with post-copy when pre-copy fails. May be repeated.");

    private readonly Option<string[]> _target = Pair("--target", "host", "Where this guest goes. Default: placement chooses. May be repeated.");

    private readonly Option<string[]> _policy = Pair("--guest-policy", "policy", "Policy of this guest. Default: the evacuation's. May be repeated.");

    private readonly Option<string[]> _maxDowntime = Pair(
        "--guest-max-downtime", "duration", "Downtime budget of this guest, e.g. db-1=400ms. May be repeated.");

    public OverrideOptions() => _maxDowntime.Validators.Add(result =>
    {
        foreach (var (guest, text) in Pairs(result.Tokens.Select(token => token.Value)))
        {
            if (!Quantity.TryParseDuration(text, out _, out var problem))
            {
                result.AddError($"{_maxDowntime.Name}: {guest}: {problem}.");
            }
        }
    });

    public IReadOnlyList<System.CommandLine.Option> All => [_skip, _restart, _postCopy, _target, _policy, _maxDowntime];

    public void Check(CommandResult result)
    {
        foreach (var guest in (result.GetValue(_skip) ?? []).Intersect(result.GetValue(_restart) ?? [], StringComparer.Ordinal))
        {
            result.AddError($"{guest} cannot be left where it is and restarted elsewhere; give --skip or --restart.");
        }
    }

    /// <summary>Adds to what the spec says of the guests already; where both speak, the options hold.</summary>
    public void Apply(ParseResult parse, EvacuationSpec spec)
    {
        Each(_skip, guest => Of(guest).Treatment = GuestTreatment.Skip);
        Each(_restart, guest => Of(guest).Treatment = GuestTreatment.Restart);
        Each(_postCopy, guest => Of(guest).PostCopyAllowed = true);
        EachPair(_target, (guest, host) => Of(guest).TargetHostId = host);
        EachPair(_policy, (guest, policy) => Of(guest).Policy = policy);
        EachPair(_maxDowntime, (guest, text) =>
            Of(guest).MaxDowntime = Quantity.TryParseDuration(text, out var duration, out _) ? duration : null);

        GuestOverride Of(string guest)
        {
            var found = spec.Overrides.FirstOrDefault(known => known.GuestId == guest);
            if (found is null)
            {
                spec.Overrides.Add(found = new GuestOverride { GuestId = guest });
            }

            return found;
        }

        void Each(Option<string[]> option, Action<string> apply) => Array.ForEach(parse.GetValue(option) ?? [], apply);

        void EachPair(Option<string[]> option, Action<string, string> apply)
        {
            foreach (var (guest, value) in Pairs(parse.GetValue(option) ?? []))
            {
                apply(guest, value);
            }
        }
    }

    private static Option<string[]> Guest(string name, string description) =>
        new(name) { Description = description, HelpName = "guest", Arity = ArgumentArity.ZeroOrMore };

    private static Option<string[]> Pair(string name, string what, string description)
    {
        var option = new Option<string[]>(name) { Description = description, HelpName = $"guest={what}", Arity = ArgumentArity.ZeroOrMore };
        option.Validators.Add(result =>
        {
            var texts = result.Tokens.Select(token => token.Value).ToList();
            foreach (var text in texts.Where(text => text.IndexOf('=', StringComparison.Ordinal) is var at && (at < 1 || at == text.Length - 1)))
            {
                result.AddError($"{name}: \"{text}\" cannot be understood; write GUEST={what.ToUpperInvariant()}.");
            }

            foreach (var guest in Pairs(texts).GroupBy(pair => pair.Guest, StringComparer.Ordinal).Where(same => same.Count() > 1))
            {
                result.AddError($"{name}: {guest.Key} is given twice.");
            }
        });
        return option;
    }

    private static IEnumerable<(string Guest, string Value)> Pairs(IEnumerable<string> texts) =>
        texts.Select(text => text.Split('=', 2)).Where(pair => pair.Length == 2).Select(pair => (pair[0], pair[1]));
}
