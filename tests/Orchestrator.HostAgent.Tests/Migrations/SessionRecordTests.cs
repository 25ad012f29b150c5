using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Migrations;

namespace Orchestrator.HostAgent.Tests.Migrations;

public class SessionRecordTests
{
    private static readonly DateTimeOffset s_at = new(2026, 2, 3, 4, 5, 6, TimeSpan.Zero);

    [Fact]
    public void After_ACancelOnlyBegun_KeepsTheEngineFromGoingOn_AndARefusalTakesThatBack()
    {
        var begun = Opened().After(Begun(2, request => request.CancelSource = new CancelSource()));
        Assert.True(begun.CancelRequested);
        Assert.Equal(2UL, begun.InDoubt?.Request.CommandId);
        Assert.Equal(1UL, begun.LastCommandId);

        var refused = begun.After(new JournalEntry.Refused(s_at, begun.InDoubt!.Request, AgentError.EngineRefused, "no", new Dictionary<string, string>()));
        Assert.False(refused.CancelRequested);
        Assert.Null(refused.InDoubt);
        Assert.Equal(2UL, refused.LastCommandId);
    }

    [Fact]
    public void After_ARefusalWithoutABeginning_TakesNothingBack()
    {
        var paused = Answer(Opened().After(Begun(2, request => request.PauseSource = new PauseSource())), 2);
        Assert.True(paused.PausedToConverge);

        var refused = paused.After(new JournalEntry.Refused(
            s_at, Command(3, request => request.PauseSource = new PauseSource()), AgentError.WrongState, "no", new Dictionary<string, string>()));
        Assert.True(refused.PausedToConverge);
        Assert.Equal(3UL, refused.LastCommandId);
    }

    [Fact]
    public void After_Adjustments_OnlyWhatIsPresentChanges()
    {
        var record = Adjust(Opened(), 2, new AdjustSource { DowntimeLimit = TimeSpan.FromSeconds(2.5).ToDuration(), MaxBytesPerSecond = 7 });
        record = Adjust(record, 3, new AdjustSource { DowntimeLimit = TimeSpan.FromSeconds(3).ToDuration() });
        record = Adjust(record, 4, new AdjustSource { MaxBytesPerSecond = 0 });

        Assert.Equal(TimeSpan.FromSeconds(3), record.Adjusted.DowntimeLimit.ToTimeSpan());
        Assert.True(record.Adjusted.HasMaxBytesPerSecond);
        Assert.Equal(0UL, record.Adjusted.MaxBytesPerSecond);
        Assert.False(record.Adjusted.HasSwitchoverBytesPerSecond);
    }

    [Fact]
    public void After_PostCopy_TheSessionRunsOnBeyondItsSwitchOver()
    {
        var record = Opened().After(new JournalEntry.Started(s_at)).After(new JournalEntry.SwitchingOver(s_at));
        Assert.Equal(SessionState.SwitchingOver, record.State);
        Assert.Equal(SessionState.SwitchingOver, record.After(new JournalEntry.EngineSaid(s_at, "device", "")).State);

        var postCopy = record.After(new JournalEntry.EngineSaid(s_at, "postcopy-active", ""));
        Assert.Equal(SessionState.Running, postCopy.State);
        Assert.True(postCopy.SwitchOverBegun);
    }

    [Fact]
    public void After_AnotherOpening_ForgetsTheAttemptAndKeepsTheFence()
    {
        var first = Opened().After(new JournalEntry.Started(s_at)).After(new JournalEntry.SequenceReserved(s_at, 1000))
            .After(new JournalEntry.Ended(s_at, SessionOutcome.Failed, "lost", new TransferNumbers()));

        var second = first.After(new JournalEntry.Opened(s_at, first.MigrationId, SessionRole.Source, "g1", "", false));

        Assert.Equal((SessionState.Opening, SessionOutcome.Unspecified, ""), (second.State, second.Outcome, second.ErrorDescription));
        Assert.Null(second.FinalNumbers);
        Assert.Null(second.StartedAt);
        Assert.Equal((first.Epoch, first.LastCommandId, 1000UL, 2), (second.Epoch, second.LastCommandId, second.SequencesReserved, second.Attempt));
        Assert.IsType<FenceVerdict.Repeat>(Fence.Judge(second, first.Commands[1].Request));
    }

    [Theory]
    [InlineData(SessionOutcome.Failed, false, false)]
    [InlineData(SessionOutcome.Cancelled, false, false)]
    [InlineData(SessionOutcome.Completed, true, true)]
    [InlineData(SessionOutcome.EngineLost, false, false)]
    [InlineData(SessionOutcome.EngineLost, true, true)]
    public void HoldsGuest_AfterTheEnd_OnlyWhereItMayBeElsewhere(SessionOutcome outcome, bool switchedOver, bool holds)
    {
        var record = Opened().After(new JournalEntry.Started(s_at));
        record = switchedOver ? record.After(new JournalEntry.SwitchingOver(s_at)) : record;
        record = record.After(new JournalEntry.Ended(s_at, outcome, "", null));

        Assert.Equal(holds, record.HoldsGuest);
        Assert.False(record.After(new JournalEntry.Closed(s_at)).HoldsGuest);
    }

    [Fact]
    public void HoldsGuest_AFailureAfterPostCopyBegan_DoesNotGiveItBack()
    {
        var record = Opened().After(new JournalEntry.Started(s_at)).After(new JournalEntry.SwitchingOver(s_at))
            .After(new JournalEntry.EngineSaid(s_at, "postcopy-active", "")).After(new JournalEntry.Ended(s_at, SessionOutcome.Failed, "", null));

        Assert.True(record.HoldsGuest);
    }

    [Fact]
    public void Fence_EpochsAndIds_NeverFall()
    {
        var record = Answer(Opened(epoch: 4).After(Begun(7, request => request.PauseSource = new PauseSource(), epoch: 5)), 7);

        Assert.Equal(AgentError.EpochStale, Refusal(record, Command(8, request => request.ResumeSource = new ResumeSource(), epoch: 4)));
        Assert.Equal(AgentError.CommandStale, Refusal(record, Command(6, request => request.ResumeSource = new ResumeSource(), epoch: 5)));
        Assert.Equal(AgentError.CommandStale, Refusal(record, Command(7, request => request.ResumeSource = new ResumeSource(), epoch: 5)));
        Assert.IsType<FenceVerdict.CarryOut>(Fence.Judge(record, Command(8, request => request.ResumeSource = new ResumeSource(), epoch: 5)));
        Assert.IsType<FenceVerdict.CarryOut>(Fence.Judge(record, Command(80, request => request.ResumeSource = new ResumeSource(), epoch: 9)));
        Assert.IsType<FenceVerdict.Repeat>(Fence.Judge(record, Command(7, request => request.PauseSource = new PauseSource(), epoch: 6)));
    }

    [Fact]
    public void Fence_ACommandCutShort_IsResumed_AndARefusedOneIsRefusedTheSameWay()
    {
        var cutShort = Opened().After(Begun(2, request => request.PauseSource = new PauseSource()));
        Assert.IsType<FenceVerdict.Resume>(Fence.Judge(cutShort, Command(2, request => request.PauseSource = new PauseSource())));

        var refused = cutShort.After(new JournalEntry.Refused(
            s_at, cutShort.InDoubt!.Request, AgentError.EngineRefused, "QEMU's words", new Dictionary<string, string> { ["a"] = "b" }));
        var verdict = Assert.IsType<FenceVerdict.Refuse>(Fence.Judge(refused, Command(2, request => request.PauseSource = new PauseSource(), epoch: 3)));
        Assert.Equal(("QEMU's words", "b"), (verdict.Why.Message, verdict.Why.Facts["a"]));
    }

    private static AgentError? Refusal(SessionRecord record, ExecuteRequest request) =>
        (Fence.Judge(record, request) as FenceVerdict.Refuse)?.Why.Error;

    private static SessionRecord Opened(ulong epoch = 1) => Answer(
        SessionRecord.Empty
            .After(new JournalEntry.Opened(s_at, Guid.NewGuid(), SessionRole.Source, "g1", "7.2", true))
            .After(Begun(1, request => request.StartSource = new StartSource { GuestId = "g1" }, epoch)),
        1);

    private static SessionRecord Adjust(SessionRecord record, ulong id, AdjustSource adjust) =>
        Answer(record.After(Begun(id, request => request.AdjustSource = adjust)), id);

    private static SessionRecord Answer(SessionRecord record, ulong id) => record.After(new JournalEntry.Answered(s_at, id, new ExecuteResponse()));

    private static JournalEntry.Begun Begun(ulong id, Action<ExecuteRequest> set, ulong epoch = 1) => new(s_at, Command(id, set, epoch));

    private static ExecuteRequest Command(ulong id, Action<ExecuteRequest> set, ulong epoch = 1)
    {
        var request = new ExecuteRequest { MigrationId = "m", Epoch = epoch, CommandId = id };
        set(request);
        return request;
    }
}
