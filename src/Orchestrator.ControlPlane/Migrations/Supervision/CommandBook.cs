using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.Policy.Lifecycle;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>The commands of one migration as the ledger has them, seen the way progress asks for them.</summary>
internal sealed class CommandBook
{
    private readonly SortedDictionary<long, StoredCommand> _commands = [];

    public CommandBook(IEnumerable<StoredCommand> commands)
    {
        foreach (var command in commands)
        {
            Put(command);
        }
    }

    /// <summary>Without an answer, in their order.</summary>
    public IEnumerable<StoredCommand> Pending => _commands.Values.Where(command => command.Answer is null);

    /// <summary>A new one, or one whose answer has come.</summary>
    public void Put(StoredCommand command) => _commands[command.CommandId] = command;

    /// <summary>The side's agent may have a session: it was told something.</summary>
    public bool HasCommanded(MigrationSide side) => _commands.Values.Any(command => AgentCommand.SideOf(command.Kind) == side);

    public StoredCommand? Latest(AgentCommandKind kind) => _commands.Values.LastOrDefault(command => command.Kind == kind);

    /// <summary>The cap that the source was told last, 0 = none; null before it was started.</summary>
    public long? CommandedRate => _commands.Values.LastOrDefault(command =>
        command.Request is { StartSource: not null } or { AdjustSource.HasMaxBytesPerSecond: true })?.Request switch
    {
        { StartSource: { } start } => (long)start.MaxBytesPerSecond,
        { AdjustSource: { } adjust } => (long)adjust.MaxBytesPerSecond,
        _ => null,
    };

    /// <summary>Where the source connects to: of the target's last listener; empty before the first.</summary>
    public string ListenUri => _commands.Values.LastOrDefault(command => command.Answer is { ListenUri.Length: > 0 })?.Answer?.ListenUri ?? "";

    public IReadOnlyDictionary<AgentCommandKind, CommandStanding> Standings(DateTimeOffset phaseSince, DateTimeOffset now)
    {
        var standings = new Dictionary<AgentCommandKind, CommandStanding>();
        foreach (var command in _commands.Values)
        {
            var times = standings.GetValueOrDefault(command.Kind, CommandStanding.NeverGiven).TimesInPhase;
            standings[command.Kind] = Standing(command, command.IntendedAt >= phaseSince ? times + 1 : times, now);
        }

        return standings;
    }

    private static CommandStanding Standing(StoredCommand command, int times, DateTimeOffset now) => command.Answer switch
    {
        null => new CommandStanding(CommandStatus.Pending, command.CommandId, times, Since(command.IntendedAt, now)),
        { Outcome: CommandOutcome.Done } done => new CommandStanding(CommandStatus.Done, command.CommandId, times, Since(done.At, now)),
        { } refused => new CommandStanding(
            CommandStatus.Refused, command.CommandId, times, Since(refused.At, now), new CommandRefusal(KindOf(refused.Outcome), refused.Message)),
    };

    // The wall clock may have been set back in between.
    private static TimeSpan Since(DateTimeOffset then, DateTimeOffset now) => now > then ? now - then : TimeSpan.Zero;

    private static RefusalKind KindOf(CommandOutcome outcome) => outcome switch
    {
        CommandOutcome.WrongState or CommandOutcome.Overtaken => RefusalKind.WrongState,
        CommandOutcome.SessionUnknown => RefusalKind.SessionUnknown,
        CommandOutcome.Refused or CommandOutcome.Done => RefusalKind.Refused,
    };
}
