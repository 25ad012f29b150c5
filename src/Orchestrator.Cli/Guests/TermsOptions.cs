using System.CommandLine;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Notices;
using Orchestrator.V1;

namespace Orchestrator.Cli.Guests;

/// <summary>The flags that say where a guest may run and who is told before it moves.</summary>
internal sealed class TermsOptions
{
    private readonly Option<string[]> _labels = LabelOption.Create(
        "A free label that affinity of other guests goes by; may be repeated. At most 64; keys and values at most 63 characters.");

    private readonly Option<string[]> _selector = Words(
        "--host-selector",
        $"What must hold on a host's labels: {PlacementWords.RequirementForm}. May be repeated; all must hold.",
        "requirement",
        text => PlacementWords.TryRequirement(text, out _) ? null : $"write {PlacementWords.RequirementForm}");

    private readonly Option<string[]> _affinity = Affinity("--affinity", "Only where a guest with these labels is");
    private readonly Option<string[]> _antiAffinity = Affinity("--anti-affinity", "Never where a guest with these labels is");
    private readonly Option<string[]> _preferAffinity = Affinity("--prefer-affinity", "Rather where a guest with these labels is");
    private readonly Option<string[]> _preferAntiAffinity = Affinity("--prefer-anti-affinity", "Rather not where a guest with these labels is");

    private readonly NoticeOptions _notice = new("Tell its owner this long before it moves. 0 to 24h. Default: as whoever moves it says.");

    public IReadOnlyList<System.CommandLine.Option> All =>
    [
        _labels, _selector, _affinity, _antiAffinity, _preferAffinity, _preferAntiAffinity, .. _notice.All,
    ];

    public void Apply(ParseResult parse, DefineGuestRequest request)
    {
        request.Labels.Add(LabelOption.Read(parse, _labels));
        var placement = new PlacementTerms();
        foreach (var text in parse.GetValue(_selector) ?? [])
        {
            if (PlacementWords.TryRequirement(text, out var requirement))
            {
                placement.HostSelector.Add(requirement);
            }
        }

        Add(_affinity, anti: false, required: true);
        Add(_antiAffinity, anti: true, required: true);
        Add(_preferAffinity, anti: false, required: false);
        Add(_preferAntiAffinity, anti: true, required: false);
        if (placement.CalculateSize() > 0)
        {
            request.Placement = placement;
        }

        request.Notice = _notice.Read(parse);

        void Add(Option<string[]> option, bool anti, bool required)
        {
            foreach (var text in parse.GetValue(option) ?? [])
            {
                if (PlacementWords.TryAffinity(text, out var term))
                {
                    term.Anti = anti;
                    term.Required = required;
                    placement.Affinity.Add(term);
                }
            }
        }
    }

    private static Option<string[]> Affinity(string name, string description) => Words(
        name,
        $"{description}: {PlacementWords.AffinityForm}, e.g. \"app=web per rack\"; without a host label, per host. May be repeated.",
        "guests",
        text => PlacementWords.TryAffinity(text, out _) ? null : $"write {PlacementWords.AffinityForm}");

    private static Option<string[]> Words(string name, string description, string form, Func<string, string?> refuse)
    {
        var option = new Option<string[]>(name) { Description = description, HelpName = form };
        option.Validators.Add(result =>
        {
            foreach (var text in result.Tokens.Select(token => token.Value))
            {
                if (refuse(text) is { } problem)
                {
                    result.AddError($"{name}: \"{text}\" cannot be understood; {problem}.");
                }
            }
        });
        return option;
    }
}
