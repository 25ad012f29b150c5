using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Plausibility;
using Orchestrator.PolicyMessages;
using Orchestrator.V1;
using EngineActivity = Orchestrator.Policy.Convergence.EngineActivity;
using ReadingNumber = Orchestrator.Policy.Convergence.ReadingNumber;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>
/// What is known of one copy between reports: what plausibility check and policy remember, the terms, and the running total. Makes
/// readings of reports and asks the policy; does nothing about what it says.
/// </summary>
internal sealed class CopyTrack
{
    private readonly CommandBook _book;
    private readonly CopyConditions _conditions;
    private readonly ulong _epoch;
    private PlausibilityMemory _memory;
    private ulong _lastSequence;
    private DateTimeOffset? _pausedSeenAt;
    private int _savedRound;

    /// <param name="conditions">As they are, for a copy that has not begun.</param>
    public CopyTrack(Migration migration, ConvergenceDocument document, CommandBook book, CopyConditions conditions)
    {
        (_book, _conditions) = (book, conditions);
        _epoch = (ulong)migration.Epoch;
        Terms = TermsIn(migration, document);
        State = Restore<ConvergenceState>(migration.ConvergenceState) ?? ConvergenceState.Start(Terms);
        _memory = Restore<PlausibilityMemory>(migration.PlausibilityMemory) ?? PlausibilityMemory.Empty;
        _savedRound = State.Round;
        _lastSequence = (ulong)Math.Max(State.LastSequence ?? 0, (long)(migration.LatestReading?.Sequence ?? 0));
        Tally = migration.Tally;
        Latest = migration.LatestReading;
    }

    public ConvergenceTerms Terms { get; private set; }

    public ConvergenceState State { get; private set; }

    public MigrationTally Tally { get; private set; }

    public Reading? Latest { get; private set; }

    /// <summary>Since the engine started, by the last report.</summary>
    public TimeSpan Elapsed { get; private set; }

    /// <summary>A round has begun since the state was last written.</summary>
    public bool IsRoundUnsaved => State.Round != _savedRound;

    /// <summary>The agent is another one than before and may count its reports anew.</summary>
    public void AgentRestarted()
    {
        _lastSequence = 0;
        State = State with { LastSequence = null };
    }

    /// <summary>Phase, policy or budget changed.</summary>
    public void Follow(Migration migration, ConvergenceDocument document) => Terms = TermsIn(migration, document);

    /// <summary>What is to hold once the migration is as it is to be written, under this document.</summary>
    public ConvergenceTerms TermsIn(Migration migration, ConvergenceDocument document) => CopyTerms.Of(migration, document, _book, _conditions);

    /// <summary>Goes on from what the source's agent decided by itself, and from the engine's limit as it reports it.</summary>
    public void Adopt(Decision decision, MigrationReport report)
    {
        if (decision.Outcome is DecisionOutcome.Applied)
        {
            var at = decision.Elapsed?.ToTimeSpan() ?? Elapsed;
            State = UnattendedPolicy.After(Terms, State, DecisionMessage.Read(decision), at);
        }

        if (report.Numbers?.DowntimeLimit?.ToTimeSpan() is { Ticks: > 0 } limit)
        {
            State = State.WithLimit(limit);
        }
    }

    /// <summary>Goes on from this state: a step was taken, or a caller changed something.</summary>
    public void GoOn(ConvergenceState state) => State = state;

    /// <returns>Null for a report that is not newer than the last, or says nothing of the transfer.</returns>
    public ConvergenceReading? Read(MigrationReport report)
    {
        if (report.Sequence <= _lastSequence || ReportNumbers.Of(report) is not { } numbers)
        {
            return null;
        }

        _lastSequence = report.Sequence;
        (var reading, _memory) = PlausibilityCheck.Check(numbers with { Unreadable = [.. numbers.Unreadable.Select(Words.Clean)] }, _memory);
        Elapsed = reading.Elapsed;
        Tally = Add(report, reading);
        return reading;
    }

    /// <summary>What the policy says to the reading. Nothing is remembered of it before <see cref="GoOn"/>.</summary>
    /// <param name="at">When its report arrived: a replay has no other time.</param>
    public ConvergenceStep Ask(ConvergenceReading reading, DateTimeOffset at) =>
        ConvergencePolicy.Step(Terms, Refusals.Retract(Terms, State, reading, act => RefusedSince(act, at)), reading);

    /// <summary>The reading as it is recorded and shown.</summary>
    public Reading Word(ConvergenceReading reading, string engineStatus, DateTimeOffset at, ReadingUse use)
    {
        Latest = ReadingMessage.Of(reading);
        Latest.At = at.ToTimestamp();
        Latest.Round = (uint)Math.Max(0, State.Round);
        Latest.EngineStatus = Words.Clean(engineStatus);
        Latest.Use = use;
        Latest.Epoch = _epoch;
        return Latest;
    }

    /// <summary>Everything the track has learnt, in the row that is about to be written.</summary>
    public Migration Save(Migration migration)
    {
        _savedRound = State.Round;
        return migration with
        {
            ConvergenceState = JsonSerializer.Serialize(State),
            PlausibilityMemory = JsonSerializer.Serialize(_memory),
            LatestReading = Latest,
            Tally = Tally,
        };
    }

    public void SeeEngines(string? source, string? target) => Tally = Tally with
    {
        SourceEngineVersion = source is { Length: > 0 } ? Words.Clean(source) : Tally.SourceEngineVersion,
        TargetEngineVersion = target is { Length: > 0 } ? Words.Clean(target) : Tally.TargetEngineVersion,
    };

    /// <summary>The last word about the downtime, once both sides have stopped and started.</summary>
    public void SeeDowntime(MigrationReport? source, MigrationReport? target)
    {
        var observed = source?.StoppedAt is { } stopped && target?.ResumedAt is { } resumed
            ? resumed.ToDateTimeOffset() - stopped.ToDateTimeOffset()
            : (TimeSpan?)null;
        Tally = Tally with
        {
            // Two clocks: a start before the stop says nothing but that they differ.
            ObservedDowntime = observed >= TimeSpan.Zero ? observed : Tally.ObservedDowntime,

            // In post-copy QEMU's figure ends when the state package has been sent, before it is loaded and the guest runs.
            ReportedDowntime = Tally.PostCopyUsed ? null : source?.Numbers?.Downtime?.ToTimeSpan() ?? Tally.ReportedDowntime,
        };
    }

    public void SeePostCopy() => Tally = Tally with { PostCopyUsed = true };

    private MigrationTally Add(MigrationReport report, ConvergenceReading reading)
    {
        var preCopy = reading.Activity is EngineActivity.PreCopy;
        var at = report.At?.ToDateTimeOffset();
        var paused = preCopy && _pausedSeenAt is { } since && at > since ? at.Value - since : TimeSpan.Zero;
        _pausedSeenAt = preCopy && reading.PausedToConverge ? at : null;
        var predicted = preCopy && reading.IsFresh(ReadingNumber.ExpectedDowntime) ? reading.ExpectedDowntime : null;
        return Tally with
        {
            PredictedDowntime = predicted ?? Tally.PredictedDowntime,
            PredictedOverhead = predicted is null ? Tally.PredictedOverhead : OverheadIn(report.Numbers) ?? Tally.PredictedOverhead,
            BytesTransferred = reading.Transferred?.Bytes ?? Tally.BytesTransferred,
            RamBytes = reading.RamTotal.Bytes > 0 ? reading.RamTotal.Bytes : Tally.RamBytes,
            Passes = Math.Max(Tally.Passes, reading.Pass),
            ThrottlePercent = Math.Max(Tally.ThrottlePercent, reading.ThrottlePercent),
            FinalLimit = reading.DowntimeLimit > TimeSpan.Zero ? reading.DowntimeLimit : Tally.FinalLimit,
            PausedToConverge = Tally.PausedToConverge + paused,
            PostCopyUsed = Tally.PostCopyUsed || reading.Activity is EngineActivity.PostCopy or EngineActivity.PostCopyPaused,
        };
    }

    /// <returns>Null when it is not known whose number it is.</returns>
    private static TimeSpan? OverheadIn(TransferNumbers numbers) => numbers.ExpectedDowntimeProvenance switch
    {
        Provenance.Engine => TimeSpan.Zero,
        Provenance.Computed => SwitchOverCost.InReports,
        _ => null,
    };

    private TimeSpan? RefusedSince(RefusableAct act, DateTimeOffset at) =>
        _book.Latest(RefusedActs.KindOf(act)) is { Answer: { Outcome: CommandOutcome.Refused, At: var refused } } ? at - refused : null;

    /// <returns>Null when there is none, or one of another release that this one cannot read: it is learnt anew.</returns>
    private static T? Restore<T>(string? json)
        where T : class
    {
        try
        {
            return json is null ? null : JsonSerializer.Deserialize<T>(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
