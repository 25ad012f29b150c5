namespace Orchestrator.Policy.Convergence;

/// <summary>One reading with everything that is known when it is judged. The state already holds what the reading measured.</summary>
internal sealed record ConvergenceMoment(
    ConvergenceTerms Terms, ConvergenceState State, ConvergenceReading Reading, FreshNumbers Fresh)
{
    public TimeSpan Elapsed => Reading.Elapsed;

    /// <summary>Passes of the copy. Where the engine's counter says nothing, the rounds stand in for it.</summary>
    public int? Passes => Reading.PassesHonest ? Fresh.Pass : State.Round;

    /// <summary>The guest's memory in GiB for limits that grow with it; at least 1, and bounded so that an hour times it is a time.</summary>
    public double Gibibytes => Math.Clamp(Terms.GuestMemory.Gibibytes, 1, 1 << 27);

    /// <summary>This reading has a believed remaining amount.</summary>
    public bool SeesProgress => RoundMeter.AboveFloor(State.Rounds, Fresh) is not null;

    public static ConvergenceMoment Measure(ConvergenceTerms terms, ConvergenceState state, ConvergenceReading reading)
    {
        var fresh = FreshNumbers.Of(reading);
        var paused = reading.PausedToConverge || state.Pause is not null;
        var measured = state with
        {
            Limit = state.Limit < terms.Budget ? state.Limit : terms.Budget,
            Rounds = RoundMeter.Take(state.Rounds, reading, fresh, terms.GuestMemory, paused),
        };
        var moment = new ConvergenceMoment(terms, measured, reading, fresh);
        return moment with { State = measured with { Infeasible = Feasibility.Remember(moment) } };
    }
}
