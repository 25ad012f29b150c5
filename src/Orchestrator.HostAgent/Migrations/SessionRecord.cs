using System.Collections.Immutable;
using System.Diagnostics;
using Orchestrator.Agent.V1;
using Orchestrator.V1;
using CommandCase = Orchestrator.Agent.V1.ExecuteRequest.CommandOneofCase;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>What became of one command.</summary>
/// <param name="Answer">Null while it is not known: carried out just now, or cut short by a crash.</param>
internal sealed record CommandRecord(ExecuteRequest Request, JournalEntry? Answer);

/// <summary>
/// What a session knows: the fold over its journal, and nothing besides. So a session that was read back after a crash is the session
/// that crashed.
/// </summary>
internal sealed record SessionRecord
{
    public static readonly SessionRecord Empty = new();

    /// <summary>1 for the first opening, 2 for the one after that.</summary>
    public int Attempt { get; private init; }

    public Guid MigrationId { get; private init; }

    public SessionRole Role { get; private init; }

    public string GuestId { get; private init; } = "";

    public string EngineVersion { get; private init; } = "";

    public SessionState State { get; private init; }

    public SessionOutcome Outcome { get; private init; }

    /// <summary>Highest seen.</summary>
    public ulong Epoch { get; private init; }

    /// <summary>The replica that commanded last; empty when it gave no name.</summary>
    public string ReplicaId { get; private init; } = "";

    /// <summary>Of the command that opened the session; for the hand-over.</summary>
    public ulong OpeningEpoch { get; private init; }

    public ImmutableSortedDictionary<ulong, CommandRecord> Commands { get; private init; } =
        ImmutableSortedDictionary<ulong, CommandRecord>.Empty;

    /// <summary>Highest command_id that is decided; 0 before the first.</summary>
    public ulong LastCommandId { get; private init; }

    public bool WasRunning { get; private init; }

    public PrepareTarget? Prepare { get; private init; }

    public StartSource? Start { get; private init; }

    /// <summary>What adjustments have added up to.</summary>
    public AdjustSource Adjusted { get; private init; } = new();

    /// <summary>What to go by when nobody commands; null when nothing was said about it.</summary>
    public UnattendedTerms? Unattended => Adjusted.Unattended ?? Start?.Unattended;

    /// <summary>Of all attempts, oldest first.</summary>
    public ImmutableList<LoneDecision> LoneDecisions { get; private init; } = [];

    public string ListenUri { get; private init; } = "";

    public string EngineStatus { get; private init; } = "";

    public string ErrorDescription { get; private init; } = "";

    public DateTimeOffset? StartedAt { get; private init; }

    public DateTimeOffset? EndedAt { get; private init; }

    public DateTimeOffset? StoppedAt { get; private init; }

    public DateTimeOffset? ResumedAt { get; private init; }

    /// <summary>The guest is, or is about to be, stopped to converge.</summary>
    public bool PausedToConverge { get; private init; }

    /// <summary>From its intention on: the engine is not let past its stop any more.</summary>
    public bool CancelRequested { get; private init; }

    /// <summary>From its intention on: there is no cancel any more, since the switch comes on its own time.</summary>
    public bool PostCopyRequested { get; private init; }

    /// <summary>The source's point of no return was passed.</summary>
    public bool SwitchOverBegun { get; private init; }

    /// <summary>The engine was in post-copy: the guest runs, or ran, on the target, and what is at the source must not.</summary>
    public bool PostCopySeen { get; private init; }

    public JournalEntry.HandedOver? HandOver { get; private init; }

    /// <summary>Target: being thrown away, from its intention on.</summary>
    public bool AbandonRequested { get; private init; }

    public ulong SequencesReserved { get; private init; }

    public TransferNumbers? FinalNumbers { get; private init; }

    public bool IsOpen => State is SessionState.Opening or SessionState.Listening or SessionState.Running or SessionState.SwitchingOver;

    public bool HasEnded => State is SessionState.Ended or SessionState.Closed;

    /// <summary>
    /// The guest is not its owner's to stop and resume: a migration is under way, or it has moved and what is here must not run, or it has
    /// come and was not released. After an attempt that came to nothing the source has its guest back at once, unless the guest may run on
    /// the target already.
    /// </summary>
    public bool HoldsGuest => State != SessionState.Closed && State != SessionState.Unspecified
        && !(State == SessionState.Ended && Role == SessionRole.Source && !PostCopySeen
            && (Outcome is SessionOutcome.Failed or SessionOutcome.Cancelled || (Outcome == SessionOutcome.EngineLost && !SwitchOverBegun)));

    /// <summary>A command of which only the beginning is written; at most one, since they come one at a time.</summary>
    public CommandRecord? InDoubt => Commands.Values.LastOrDefault(command => command.Answer is null);

    /// <summary>Of which only the intention is written; at most one, the last.</summary>
    public LoneDecision? LoneDecisionUnderWay => LoneDecisions is [.., { IsUnderWay: true } last] ? last : null;

    public SessionRecord After(JournalEntry entry) => entry switch
    {
        JournalEntry.Opened opened => AfterOpening(opened),
        JournalEntry.EpochRaised raised => Commanded(raised.Epoch, raised.ReplicaId ?? ReplicaId),
        JournalEntry.Begun begun => AfterBeginning(begun.Request),
        JournalEntry.Answered answered => Decided(Commands[answered.CommandId].Request, answered).AfterAnswer(answered),
        JournalEntry.Refused refused => AfterRefusal(refused),
        JournalEntry.Listening listening => this with
        {
            ListenUri = listening.Uri,
            State = State == SessionState.Opening ? SessionState.Listening : State,
        },
        JournalEntry.Started started => this with { State = SessionState.Running, StartedAt = started.At },
        JournalEntry.EngineSaid said => this with
        {
            EngineStatus = said.Status,
            ErrorDescription = said.ErrorDescription,
            PostCopySeen = PostCopySeen || IsPostCopy(said.Status),
            State = StateAfter(said.Status),
            StartedAt = StartedAt ?? (StateAfter(said.Status) == SessionState.Running ? said.At : null),
        },
        JournalEntry.SwitchingOver => this with { State = SessionState.SwitchingOver, SwitchOverBegun = true },
        JournalEntry.GuestStopped stopped => this with { StoppedAt = stopped.At },
        JournalEntry.GuestResumed resumed => this with { ResumedAt = resumed.At },
        JournalEntry.HandedOver handedOver => this with { HandOver = HandOver ?? handedOver },
        JournalEntry.SequenceReserved reserved => this with { SequencesReserved = Math.Max(SequencesReserved, reserved.UpTo) },
        JournalEntry.DecidedAlone decided => Intended(decided.Request) with
        {
            LoneDecisions = LoneDecisions.Add(new LoneDecision(decided.Decision, decided.Request)),
        },
        JournalEntry.AloneDone done => AfterAlone(done),
        JournalEntry.Ended ended => this with
        {
            LoneDecisions = AfterTheEnd(ended.Outcome),
            State = SessionState.Ended,
            EndedAt = ended.At,
            Outcome = ended.Outcome,
            PausedToConverge = PausedToConverge && ended.Outcome == SessionOutcome.Completed,
            ErrorDescription = ended.ErrorDescription,
            FinalNumbers = ended.Numbers,
        },
        JournalEntry.Closed => this with { State = SessionState.Closed },
        _ => throw new UnreachableException($"No arm for {entry}."),
    };

    /// <summary>Everything of an earlier attempt is forgotten except what fences and numbers.</summary>
    private SessionRecord AfterOpening(JournalEntry.Opened opened) => new()
    {
        Attempt = Attempt + 1,
        MigrationId = opened.MigrationId,
        Role = opened.Role,
        GuestId = opened.GuestId,
        EngineVersion = opened.EngineVersion,
        WasRunning = opened.WasRunning,
        State = SessionState.Opening,
        Epoch = Epoch,
        ReplicaId = ReplicaId,
        Commands = Commands,
        LastCommandId = LastCommandId,
        LoneDecisions = LoneDecisions,
        SequencesReserved = SequencesReserved,
    };

    private SessionRecord AfterBeginning(ExecuteRequest request) => Intended(request).Commanded(request.Epoch, request.ReplicaId) with
    {
        Commands = Commands.SetItem(request.CommandId, new CommandRecord(request, null)),
    };

    private SessionRecord Intended(ExecuteRequest request) => request.CommandCase switch
    {
        CommandCase.PrepareTarget => this with { Prepare = request.PrepareTarget, OpeningEpoch = request.Epoch },
        CommandCase.StartSource => this with { Start = request.StartSource, OpeningEpoch = request.Epoch },
        CommandCase.PauseSource => this with { PausedToConverge = true },
        CommandCase.StartPostCopy => this with { PostCopyRequested = true },
        CommandCase.CancelSource => this with { CancelRequested = true },
        CommandCase.AbandonTarget => this with { AbandonRequested = true },
        CommandCase.AdjustSource or CommandCase.ResumeSource or CommandCase.RecoverTarget or CommandCase.RecoverSource
            or CommandCase.HandOverTarget or CommandCase.FinishSource or CommandCase.FinishTarget or CommandCase.AbandonSource
            or CommandCase.Attend or CommandCase.None => this,
    };

    /// <summary>The answer to a command of an earlier epoch may come after somebody else has taken over.</summary>
    private SessionRecord Commanded(ulong epoch, string replicaId) =>
        epoch >= Epoch ? this with { Epoch = epoch, ReplicaId = replicaId } : this;

    private SessionRecord Decided(ExecuteRequest request, JournalEntry answer) => Commanded(request.Epoch, request.ReplicaId) with
    {
        LastCommandId = Math.Max(LastCommandId, request.CommandId),
        Commands = Commands.SetItem(request.CommandId, new CommandRecord(request, answer)),
    };

    private SessionRecord AfterAnswer(JournalEntry.Answered answered) => CarriedOut(Commands[answered.CommandId].Request);

    private SessionRecord CarriedOut(ExecuteRequest carriedOut) => carriedOut switch
    {
        { CommandCase: CommandCase.ResumeSource } => this with { PausedToConverge = false },
        { CommandCase: CommandCase.AdjustSource } request => this with { Adjusted = Merged(request.AdjustSource) },
        _ => this,
    };

    /// <summary>A refused command has changed nothing, so what its beginning announced, if it came to one, is taken back.</summary>
    private SessionRecord AfterRefusal(JournalEntry.Refused refused)
    {
        var decided = Decided(refused.Request, refused);
        return Commands.ContainsKey(refused.Request.CommandId) ? decided.TakenBack(refused.Request) : decided;
    }

    private SessionRecord TakenBack(ExecuteRequest refused) => refused.CommandCase switch
    {
        CommandCase.PauseSource => this with { PausedToConverge = false },
        CommandCase.StartPostCopy => this with { PostCopyRequested = false },
        CommandCase.CancelSource => this with { CancelRequested = false },
        CommandCase.AbandonTarget => this with { AbandonRequested = false },
        _ => this,
    };

    private SessionRecord AfterAlone(JournalEntry.AloneDone done)
    {
        var lone = LoneDecisions.FirstOrDefault(decided => decided.Decision.Sequence == done.Number)
            ?? throw new KeyNotFoundException($"Decision {done.Number} is not there.");
        var after = this with { LoneDecisions = LoneDecisions.Replace(lone, lone.With(done.Outcome, done.Message)) };
        return done.Outcome == DecisionOutcome.Applied ? after.CarriedOut(lone.Request) : after.TakenBack(lone.Request);
    }

    /// <summary>To cancel is done when the end is there. Of anything else nobody will say any more what came of it.</summary>
    private ImmutableList<LoneDecision> AfterTheEnd(SessionOutcome outcome) => LoneDecisionUnderWay is not { } last ? LoneDecisions : LoneDecisions.SetItem(
        LoneDecisions.Count - 1,
        last.Request.CommandCase == CommandCase.CancelSource && outcome is SessionOutcome.Cancelled or SessionOutcome.Failed
            ? last.With(DecisionOutcome.Applied, "")
            : last.With(DecisionOutcome.Overtaken, "the copy ended before it was known what came of it"));

    /// <summary>
    /// Only what is present changes. By hand, since protobuf's own merge goes into durations and adds the nanoseconds of one to the seconds
    /// of the other.
    /// </summary>
    private AdjustSource Merged(AdjustSource change)
    {
        var merged = Adjusted.Clone();
        merged.DowntimeLimit = change.DowntimeLimit ?? merged.DowntimeLimit;
        merged.Throttle = change.Throttle ?? merged.Throttle;
        merged.Unattended = change.Unattended ?? merged.Unattended;
        if (change.HasMaxBytesPerSecond)
        {
            merged.MaxBytesPerSecond = change.MaxBytesPerSecond;
        }

        if (change.HasSwitchoverBytesPerSecond)
        {
            merged.SwitchoverBytesPerSecond = change.SwitchoverBytesPerSecond;
        }

        return merged;
    }

    private SessionState StateAfter(string engineStatus) => (State, engineStatus) switch
    {
        (SessionState.Listening, not ("" or "none" or "setup")) => SessionState.Running,

        // Post-copy runs on after its switch-over.
        (SessionState.SwitchingOver, _) when IsPostCopy(engineStatus) => SessionState.Running,
        _ => State,
    };

    private static bool IsPostCopy(string engineStatus) => engineStatus.StartsWith("postcopy-", StringComparison.Ordinal);
}
