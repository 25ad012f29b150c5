using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Migrations;

namespace Orchestrator.HostAgent.Tests.Migrations;

/// <summary>Who commands, as a session's journal has it.</summary>
public class AttendTests
{
    private const string One = "11111111-1111-4111-8111-111111111111";
    private const string Other = "22222222-2222-4222-8222-222222222222";

    private static readonly DateTimeOffset s_at = new(2026, 2, 3, 4, 5, 6, TimeSpan.Zero);

    [Fact]
    public void After_ACommand_ItsReplicaIsRemembered()
    {
        var record = Opened();
        Assert.Equal((1UL, One), (record.Epoch, record.ReplicaId));

        var taken = record.After(new JournalEntry.EpochRaised(s_at, 2, Other));
        Assert.Equal((2UL, Other), (taken.Epoch, taken.ReplicaId));
        Assert.Equal(Other, taken.After(new JournalEntry.Opened(s_at, taken.MigrationId, SessionRole.Source, "g1", "", true)).ReplicaId);
    }

    [Fact]
    public void After_TheAnswerToAnEarlierEpochsCommand_TheNewCommanderStays()
    {
        // The command was under way when somebody else took over.
        var begun = Opened().After(new JournalEntry.Begun(s_at, Command(2, 1, One)));
        var taken = begun.After(new JournalEntry.EpochRaised(s_at, 2, Other));

        var answered = taken.After(new JournalEntry.Answered(s_at, 2, new ExecuteResponse()));
        Assert.Equal((2UL, Other, 2UL), (answered.Epoch, answered.ReplicaId, answered.LastCommandId));
    }

    [Fact]
    public void After_AnEntryOfAnEarlierRelease_NobodyIsKnown()
    {
        var record = Opened(replicaId: "").After(new JournalEntry.EpochRaised(s_at, 2));
        Assert.Equal((2UL, ""), (record.Epoch, record.ReplicaId));
    }

    [Fact]
    public void Judge_AfterATakeOver_TheFormerIsRefusedAndTheSameCommandOfTheNextIsTheSame()
    {
        var record = Opened().After(new JournalEntry.EpochRaised(s_at, 2, Other));

        Assert.Equal(AgentError.EpochStale, Assert.IsType<FenceVerdict.Refuse>(Fence.Judge(record, Command(2, 1, One))).Why.Error);
        Assert.IsType<FenceVerdict.Repeat>(Fence.Judge(record, Command(1, 2, Other)));
    }

    private static SessionRecord Opened(string replicaId = One) => SessionRecord.Empty
        .After(new JournalEntry.Opened(s_at, Guid.NewGuid(), SessionRole.Source, "g1", "", true))
        .After(new JournalEntry.Begun(s_at, Command(1, 1, replicaId)))
        .After(new JournalEntry.Answered(s_at, 1, new ExecuteResponse()));

    private static ExecuteRequest Command(ulong id, ulong epoch, string replicaId) =>
        new() { CommandId = id, Epoch = epoch, ReplicaId = replicaId, PauseSource = new PauseSource() };
}
