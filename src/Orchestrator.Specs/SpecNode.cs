namespace Orchestrator.Specs;

/// <summary>What a YAML or JSON file says, before anybody asks what it means. Closed: every kind is declared here.</summary>
/// <param name="Line">Counted from 1; null where the format does not tell.</param>
public abstract record SpecNode(int? Line)
{
    /// <summary>Text, number or truth value as written, without quotes.</summary>
    public sealed record Scalar(string Text, int? Line) : SpecNode(Line);

    /// <summary>An explicit null: the field is absent.</summary>
    public sealed record Null(int? Line) : SpecNode(Line);

    /// <summary>YAML's "key:" with nothing after it.</summary>
    public sealed record Nothing(int? Line) : SpecNode(Line);

    public sealed record Sequence(IReadOnlyList<SpecNode> Items, int? Line) : SpecNode(Line);

    public sealed record Mapping(IReadOnlyList<SpecEntry> Entries, int? Line) : SpecNode(Line);
}

/// <param name="Line">Line of the key.</param>
public sealed record SpecEntry(string Key, SpecNode Value, int? Line);
