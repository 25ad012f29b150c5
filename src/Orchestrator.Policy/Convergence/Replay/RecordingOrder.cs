namespace Orchestrator.Policy.Convergence.Replay;

/// <summary>Brings a recording into the order in which it happened, and finds for each decision where in it it stands.</summary>
internal sealed class RecordingOrder
{
    private readonly Dictionary<int, RecordedDecision> _onReading = [];
    private readonly ILookup<int, RecordedDecision> _after;
    private readonly ILookup<int, RecordedDecision> _before;

    public RecordingOrder(Recording recording)
    {
        // A sequence alone orders nothing: an agent that lost its journal counts anew. Nor do the clocks of two replicas.
        Readings = [.. recording.Readings.OrderBy(reading => reading.Epoch).ThenBy(reading => reading.At).ThenBy(reading => reading.Reading.Sequence)];
        var left = recording.Decisions.Where(decision => !StandsOnItsReading(decision)).ToList();
        _before = left.Where(decision => decision.By is DecidedBy.Agent).ToLookup(decision => FirstAsked(decision.Elapsed));
        _after = left.Where(decision => decision.By is not DecidedBy.Agent)
            .ToLookup(decision => DecidedOn(decision, _ => true) ?? LastBy(decision.At));
    }

    public IReadOnlyList<RecordedReading> Readings { get; }

    /// <summary>The policy's own decision on the reading of this index.</summary>
    public RecordedDecision? On(int index) => _onReading.GetValueOrDefault(index);

    /// <summary>What whoever read this one wrote down of others' decisions after it; of index -1 before the first.</summary>
    public IEnumerable<RecordedDecision> After(int index) => _after[index];

    /// <summary>What whoever read this one heard that the agent had decided alone; of the index behind the last what nobody asked after.</summary>
    public IEnumerable<RecordedDecision> Before(int index) => _before[index];

    public int Missing()
    {
        var missing = 0L;
        for (var index = 1; index < Readings.Count; index++)
        {
            missing += Math.Max(0, Readings[index].Reading.Sequence - Readings[index - 1].Reading.Sequence - 1);
        }

        return (int)Math.Min(missing, int.MaxValue);
    }

    private bool StandsOnItsReading(RecordedDecision decision) =>
        decision.By is DecidedBy.Policy
        && DecidedOn(decision, reading => reading.Use is ReadingUse.Judged) is { } on
        && _onReading.TryAdd(on, decision);

    /// <summary>The last reading of that number that had arrived when the decision was written.</summary>
    private int? DecidedOn(RecordedDecision decision, Func<RecordedReading, bool> may)
    {
        for (var index = Readings.Count - 1; index >= 0; index--)
        {
            if (Readings[index].Reading.Sequence == decision.ReadingSequence && Readings[index].At <= decision.At && may(Readings[index]))
            {
                return index;
            }
        }

        return null;
    }

    /// <summary>What the agent decided alone is known with the next report; what comes of it is waited for without asking the policy.</summary>
    private int FirstAsked(TimeSpan after)
    {
        for (var index = 0; index < Readings.Count; index++)
        {
            if (Readings[index] is { Use: not ReadingUse.Recorded } asked && asked.Reading.Elapsed > after)
            {
                return index;
            }
        }

        return Readings.Count;
    }

    /// <returns>-1 when it is older than all.</returns>
    private int LastBy(DateTimeOffset at)
    {
        for (var index = Readings.Count - 1; index >= 0; index--)
        {
            if (Readings[index].At <= at)
            {
                return index;
            }
        }

        return -1;
    }
}
