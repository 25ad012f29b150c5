using Orchestrator.Agent.V1;
using CommandCase = Orchestrator.Agent.V1.ExecuteRequest.CommandOneofCase;

namespace Orchestrator.Bench.Agents;

/// <summary>What all scripted agents together have sent and were told.</summary>
internal sealed class AgentTally
{
    private readonly long[] _commands = new long[Enum.GetValues<CommandCase>().Length + 16];
    private long _sourceReports;
    private long _targetReports;
    private long _missedBeats;
    private long _repeated;
    private int _streams;
    private readonly List<DateTimeOffset> _begun = [];

    public void NoteReport(SessionRole role)
    {
        if (role is SessionRole.Source)
        {
            Interlocked.Increment(ref _sourceReports);
        }
        else
        {
            Interlocked.Increment(ref _targetReports);
        }
    }

    /// <summary>A host was still writing when its next beat came.</summary>
    public void NoteMissedBeats(int beats) => Interlocked.Add(ref _missedBeats, beats);

    /// <param name="fresh">False when it had been carried out before.</param>
    public void NoteCommand(CommandCase kind, bool fresh)
    {
        Interlocked.Increment(ref _commands[(int)kind]);
        if (!fresh)
        {
            Interlocked.Increment(ref _repeated);
        }
    }

    public void NoteStream(bool opened) => Interlocked.Add(ref _streams, opened ? 1 : -1);

    /// <summary>Report streams that are open.</summary>
    public int Streams => Volatile.Read(ref _streams);

    /// <summary>A source was told to copy.</summary>
    public void NoteBegun(DateTimeOffset at)
    {
        lock (_begun)
        {
            _begun.Add(at);
        }
    }

    /// <summary>When sources were told to copy, in the order of their coming.</summary>
    public IReadOnlyList<DateTimeOffset> Begun()
    {
        lock (_begun)
        {
            return [.. _begun];
        }
    }

    public AgentCounts Read() => new(
        Interlocked.Read(ref _sourceReports),
        Interlocked.Read(ref _targetReports),
        Interlocked.Read(ref _missedBeats),
        Interlocked.Read(ref _commands[(int)CommandCase.AdjustSource]),
        Interlocked.Read(ref _repeated));
}

internal readonly record struct AgentCounts(long SourceReports, long TargetReports, long MissedBeats, long Adjustments, long RepeatedCommands)
{
    public static AgentCounts operator -(AgentCounts later, AgentCounts earlier) => new(
        later.SourceReports - earlier.SourceReports,
        later.TargetReports - earlier.TargetReports,
        later.MissedBeats - earlier.MissedBeats,
        later.Adjustments - earlier.Adjustments,
        later.RepeatedCommands - earlier.RepeatedCommands);
}
