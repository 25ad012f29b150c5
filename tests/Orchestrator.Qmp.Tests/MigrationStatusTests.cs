using System.Text.Json;

namespace Orchestrator.Qmp.Tests;

public sealed class MigrationStatusTests
{
    /// <summary>QEMU's word, and what it means: running, terminal, postcopy.</summary>
    public static TheoryData<string, MigrationStatus, string> Words => new()
    {
        { "none", MigrationStatus.None, "" },
        { "setup", MigrationStatus.Setup, "running" },
        { "cancelling", MigrationStatus.Cancelling, "running" },
        { "cancelled", MigrationStatus.Cancelled, "terminal" },
        { "active", MigrationStatus.Active, "running" },
        { "postcopy-device", MigrationStatus.PostcopyDevice, "running postcopy" },
        { "postcopy-active", MigrationStatus.PostcopyActive, "running postcopy" },
        { "postcopy-paused", MigrationStatus.PostcopyPaused, "running postcopy" },
        { "postcopy-recover-setup", MigrationStatus.PostcopyRecoverSetup, "running postcopy" },
        { "postcopy-recover", MigrationStatus.PostcopyRecover, "running postcopy" },
        { "completed", MigrationStatus.Completed, "terminal" },
        { "failing", MigrationStatus.Failing, "running" },
        { "failed", MigrationStatus.Failed, "terminal" },
        { "colo", MigrationStatus.Colo, "running" },
        { "pre-switchover", MigrationStatus.PreSwitchover, "running" },
        { "device", MigrationStatus.Device, "running" },
        { "wait-unplug", MigrationStatus.WaitUnplug, "running" },
    };

    [Theory]
    [MemberData(nameof(Words))]
    public void Parse_EveryWord_HasItsMeaning(string word, MigrationStatus expected, string meaning)
    {
        var status = MigrationStatuses.Parse(word);
        string[] traits = [status.IsRunning ? "running" : "", status.IsTerminal ? "terminal" : "", status.IsPostcopy ? "postcopy" : ""];

        Assert.Equal(expected, status);
        Assert.Equal(meaning, string.Join(' ', traits.Where(trait => trait.Length > 0)));
    }

    [Fact]
    public void Words_HaveEveryStatusAndEveryWordOfTheNewestSchema()
    {
        Assert.Equal(
            Enum.GetValues<MigrationStatus>().Except([MigrationStatus.Unknown]), Words.Select(row => row[1]).Cast<MigrationStatus>());
        Assert.Equal(StoredSchema.Read("11.1.3").MigrationStatuses.Order(), Words.Select(row => row[0]).Cast<string>().Order());
    }

    [Fact]
    public void ParseState_EveryWordOfTheSchemas_IsKnown()
    {
        foreach (var version in StoredSchema.Versions)
        {
            Assert.All(StoredSchema.Read(version).RunStates, word => Assert.NotEqual(RunState.Unknown, VmStatus.ParseState(word)));
        }
    }

    [Theory]
    [InlineData("""{"status": "finish-migrate", "running": false, "singlestep": false}""", RunState.FinishMigrate, "finish-migrate", false)]
    [InlineData("""{"status": "running", "running": true}""", RunState.Running, "running", true)]
    [InlineData("""{"status": "levitating", "running": true}""", RunState.Unknown, "levitating", true)]
    [InlineData("""{"running": "yes"}""", RunState.Unknown, "", false)]
    [InlineData("[]", RunState.Unknown, "", false)]
    public void VmStatus_AnyReply_IsRead(string reply, RunState state, string text, bool running) =>
        Assert.Equal(new VmStatus(state, text, running), VmStatus.Parse(new ReplyReader("query-status", JsonElement.Parse(reply))));
}
