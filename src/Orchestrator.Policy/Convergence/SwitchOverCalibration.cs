namespace Orchestrator.Policy.Convergence;

/// <summary>How well the downtimes of one kind of migration were predicted, and what is learnt from it.</summary>
/// <param name="Overhead">Null: there are too few to learn from.</param>
/// <param name="ErrorMedian">True downtime less the predicted one.</param>
/// <param name="ErrorAbsoluteMedian">Median of the errors' absolute values.</param>
/// <param name="WithinBudget">Share of them, 0 to 1.</param>
public sealed record SwitchOverCalibration(
    int Migrations, SwitchOverCost? Overhead, TimeSpan ErrorMedian, TimeSpan ErrorAbsoluteMedian, double WithinBudget)
{
    /// <summary>The latest that count: what a fleet was like long ago says little.</summary>
    public const int Most = 200;

    /// <summary>Fewer teach nothing.</summary>
    public const int Least = 5;

    private const double HighShare = 0.9;

    /// <param name="observations">The latest of one kind, <see cref="Most"/> at most.</param>
    /// <returns>Null when there are none.</returns>
    public static SwitchOverCalibration? Of(IReadOnlyCollection<DowntimeObservation> observations) => observations.Count == 0 ? null : new(
        observations.Count,
        CostOf(observations),
        Share(observations.Select(observation => observation.True - observation.Predicted), 0.5),
        Share(observations.Select(observation => (observation.True - observation.Predicted).Duration()), 0.5),
        (double)observations.Count(observation => observation.True <= observation.Budget) / observations.Count);

    /// <summary>What a switch-over is taken to cost.</summary>
    /// <param name="sameEngines">Of the same engine versions and kind of devices.</param>
    /// <param name="anyEngines">Of the same kind of devices.</param>
    public static SwitchOverCost Learn(
        IReadOnlyCollection<DowntimeObservation> sameEngines, IReadOnlyCollection<DowntimeObservation> anyEngines) =>
        CostOf(sameEngines) ?? CostOf(anyEngines) ?? SwitchOverCost.Usual;

    private static SwitchOverCost? CostOf(IReadOnlyCollection<DowntimeObservation> observations) => observations.Count < Least ? null : new(
        Share(observations.Select(observation => observation.Overhead), 0.5),
        Share(observations.Select(observation => observation.Overhead), HighShare));

    /// <summary>The value that this share of them does not exceed; between two of them in proportion.</summary>
    private static TimeSpan Share(IEnumerable<TimeSpan> values, double share)
    {
        var ordered = values.Order().ToList();
        var place = share * (ordered.Count - 1);
        var below = (int)place;
        return below + 1 < ordered.Count
            ? ordered[below] + ((ordered[below + 1] - ordered[below]) * (place - below))
            : ordered[below];
    }
}
