namespace Orchestrator.Policy.Convergence;

/// <summary>
/// What policy remembers between readings. A value that survives in the database as JSON, so that whoever takes a migration over goes on
/// where the last one stood: public init properties of plain types only.
/// </summary>
public sealed record ConvergenceState
{
    /// <summary>The limit last decided.</summary>
    public required TimeSpan Limit { get; init; }

    public static ConvergenceState Start(ConvergenceTerms terms) => new()
    {
        Limit = terms.Document.InitialDowntime < terms.Budget ? terms.Document.InitialDowntime : terms.Budget,
    };
}
