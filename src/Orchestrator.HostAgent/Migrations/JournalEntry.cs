using System.Text.Json.Serialization;
using Orchestrator.Agent.V1;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>One line of a session's journal. Closed: every kind is declared here.</summary>
/// <param name="At">The agent's clock.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(Opened), "opened")]
[JsonDerivedType(typeof(EpochRaised), "epoch-raised")]
[JsonDerivedType(typeof(Begun), "begun")]
[JsonDerivedType(typeof(Answered), "answered")]
[JsonDerivedType(typeof(Refused), "refused")]
[JsonDerivedType(typeof(Listening), "listening")]
[JsonDerivedType(typeof(Started), "started")]
[JsonDerivedType(typeof(EngineSaid), "engine-said")]
[JsonDerivedType(typeof(SwitchingOver), "switching-over")]
[JsonDerivedType(typeof(GuestStopped), "guest-stopped")]
[JsonDerivedType(typeof(GuestResumed), "guest-resumed")]
[JsonDerivedType(typeof(HandedOver), "handed-over")]
[JsonDerivedType(typeof(SequenceReserved), "sequence-reserved")]
[JsonDerivedType(typeof(Ended), "ended")]
[JsonDerivedType(typeof(Closed), "closed")]
[JsonDerivedType(typeof(DecidedAlone), "decided-alone")]
[JsonDerivedType(typeof(AloneDone), "alone-done")]
internal abstract record JournalEntry(DateTimeOffset At)
{
    /// <summary>The opening facts. A second one begins the migration anew on this side after an attempt that came to nothing.</summary>
    public sealed record Opened(
        DateTimeOffset At, Guid MigrationId, SessionRole Role, string GuestId, string EngineVersion, bool WasRunning) : JournalEntry(At);

    /// <summary>Somebody else commands from here on, or says so once more.</summary>
    /// <param name="ReplicaId">Null in what an earlier release wrote.</param>
    public sealed record EpochRaised(DateTimeOffset At, ulong Epoch, string? ReplicaId = null) : JournalEntry(At);

    /// <summary>Written before a command is carried out.</summary>
    public sealed record Begun(DateTimeOffset At, ExecuteRequest Request) : JournalEntry(At);

    public sealed record Answered(DateTimeOffset At, ulong CommandId, ExecuteResponse Response) : JournalEntry(At);

    /// <summary>After its beginning, or in place of one.</summary>
    public sealed record Refused(
        DateTimeOffset At, ExecuteRequest Request, AgentError Error, string Message, IReadOnlyDictionary<string, string> Facts)
        : JournalEntry(At);

    /// <summary>Target: where the incoming engine listens, at first and for each recovery.</summary>
    public sealed record Listening(DateTimeOffset At, string Uri) : JournalEntry(At);

    /// <summary>Source: the engine has accepted the command to migrate.</summary>
    public sealed record Started(DateTimeOffset At) : JournalEntry(At);

    /// <summary>A change of the engine's migration status, in its own word.</summary>
    public sealed record EngineSaid(DateTimeOffset At, string Status, string ErrorDescription) : JournalEntry(At);

    /// <summary>Source: written before the engine is let past its stop. From here on there is nothing to cancel back to.</summary>
    public sealed record SwitchingOver(DateTimeOffset At) : JournalEntry(At);

    /// <summary>Source: when the guest stopped for the switch-over.</summary>
    public sealed record GuestStopped(DateTimeOffset At) : JournalEntry(At);

    /// <summary>Target: when the guest began to run here.</summary>
    public sealed record GuestResumed(DateTimeOffset At) : JournalEntry(At);

    /// <summary>
    /// Target: the source stopped for good, written before the guest is let run here. Source: the target has confirmed that.
    /// </summary>
    public sealed record HandedOver(DateTimeOffset At, ulong Epoch, string SourceEngineStatus) : JournalEntry(At);

    /// <summary>Report numbers up to here may have been given out.</summary>
    public sealed record SequenceReserved(DateTimeOffset At, ulong UpTo) : JournalEntry(At);

    public sealed record Ended(DateTimeOffset At, SessionOutcome Outcome, string ErrorDescription, TransferNumbers? Numbers) : JournalEntry(At);

    public sealed record Closed(DateTimeOffset At) : JournalEntry(At);

    /// <summary>Source: decided while nobody commanded, written before it is carried out.</summary>
    public sealed record DecidedAlone(DateTimeOffset At, Decision Decision, ExecuteRequest Request) : JournalEntry(At);

    /// <param name="Number">Of the decision.</param>
    public sealed record AloneDone(DateTimeOffset At, uint Number, DecisionOutcome Outcome, string Message) : JournalEntry(At);
}
