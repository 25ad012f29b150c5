using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Convergence.Replay;
using Orchestrator.V1;
using ReadingUse = Orchestrator.Policy.Convergence.Replay.ReadingUse;

namespace Orchestrator.PolicyMessages;

/// <summary>Reads what the record has of a copy as a replay takes it.</summary>
public static class RecordingMessage
{
    /// <param name="decisions">In the order of their numbers.</param>
    /// <param name="switchedTo">The terms after a switch of the policy that the replay is to follow; null for one that it is not.</param>
    /// <returns>Null when the policy was never asked, or when a release that did not record enough wrote some of it.</returns>
    public static Recording? Read(
        IReadOnlyCollection<Reading> readings, IEnumerable<Decision> decisions, Func<Decision, ConvergenceTerms?> switchedTo)
    {
        var read = readings.Select(Read).OfType<RecordedReading>().ToList();
        return read.Count < readings.Count || !read.Exists(reading => reading.Use is not ReadingUse.Recorded)
            ? null
            : new Recording(read, [.. decisions.Select(decision => Read(decision, switchedTo))]);
    }

    private static RecordedReading? Read(Reading message) =>
        ReadingMessage.Read(message) is { } reading && Read(message.Use) is { } use
            ? new RecordedReading(reading, use, message.At?.ToDateTimeOffset() ?? default, (long)Math.Min(message.Epoch, long.MaxValue))
            : null;

    private static RecordedDecision Read(Decision decision, Func<Decision, ConvergenceTerms?> switchedTo) => new(
        (int)Math.Min(decision.Sequence, int.MaxValue),
        decision.Origin switch
        {
            DecisionOrigin.Policy => DecidedBy.Policy,
            DecisionOrigin.Agent => DecidedBy.Agent,
            DecisionOrigin.Unspecified or DecisionOrigin.Caller or DecisionOrigin.Admission => DecidedBy.Outsider,
        },
        DecisionMessage.Read(decision),
        decision.Elapsed?.ToTimeSpan() ?? TimeSpan.Zero)
    {
        At = decision.At?.ToDateTimeOffset() ?? default,
        ReadingSequence = (long)Math.Min(decision.ReadingSequence, long.MaxValue),
        Applied = decision.Outcome is DecisionOutcome.Applied,
        SwitchTo = decision.Action is DecisionAction.SwitchPolicy ? switchedTo(decision) : null,
    };

    private static ReadingUse? Read(V1.ReadingUse use) => use switch
    {
        V1.ReadingUse.Unspecified => null,
        V1.ReadingUse.Recorded => ReadingUse.Recorded,
        V1.ReadingUse.Judged => ReadingUse.Judged,
        V1.ReadingUse.Waited => ReadingUse.Waited,
    };
}
