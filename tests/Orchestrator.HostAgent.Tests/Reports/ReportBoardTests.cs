using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Reports;

namespace Orchestrator.HostAgent.Tests.Reports;

public class ReportBoardTests
{
    private readonly ReportBoard _board = new();

    [Fact]
    public void ReadAfter_ASlowObserver_GetsTheLatestOnly()
    {
        for (ulong sequence = 1; sequence <= 100; sequence++)
        {
            _board.Pin(Report("m1", sequence), urgent: false);
        }

        _board.Pin(Report("m2", 1), urgent: false);

        var (reports, version) = _board.ReadAfter(0);
        Assert.Equal([("m1", 100UL), ("m2", 1UL)], reports.Select(report => (report.MigrationId, report.Sequence)));
        Assert.Empty(_board.ReadAfter(version).Reports);
    }

    [Fact]
    public void ReadAfter_AsAReplica_GetsItsOwnAndNobodys_AndTheRestWhenItTakesOver()
    {
        _board.Pin(Report("mine", 1), urgent: false, "one");
        _board.Pin(Report("theirs", 1), urgent: false, "other");
        _board.Pin(Report("nobodys", 1), urgent: false);

        var (reports, version) = _board.ReadAfter(0, "one");
        Assert.Equal(["mine", "nobodys"], reports.Select(report => report.MigrationId));
        Assert.Equal(3, _board.ReadAfter(0).Reports.Count);

        _board.Pin(Report("theirs", 2), urgent: true, "one");
        Assert.Equal("theirs", Assert.Single(_board.ReadAfter(version, "one").Reports).MigrationId);
        Assert.Empty(_board.ReadAfter(version, "other").Reports);
    }

    [Fact]
    public void Pin_Urgent_WakesObservers_AndTheRestWaits()
    {
        var next = _board.NextUrgent;
        _board.Pin(Report("m1", 1), urgent: false);
        Assert.False(next.IsCompleted);

        _board.Pin(Report("m1", 2), urgent: true);
        Assert.True(next.IsCompleted);
        Assert.False(_board.NextUrgent.IsCompleted);
    }

    [Fact]
    public void NoteGuests_IsNews()
    {
        var (next, version) = (_board.NextUrgent, _board.GuestsVersion);
        _board.NoteGuests();
        Assert.True(next.IsCompleted);
        Assert.NotEqual(version, _board.GuestsVersion);
    }

    [Fact]
    public void Pin_ManyClosedSessions_DoNotPileUp()
    {
        _board.Pin(Report("open", 1), urgent: false);
        for (var migration = 0; migration < 2000; migration++)
        {
            _board.Pin(Report($"m{migration}", 1, SessionState.Closed), urgent: false);
        }

        var reports = _board.ReadAfter(0).Reports;
        Assert.InRange(reports.Count, 2, 300);
        Assert.Contains(reports, report => report.MigrationId == "open");
        Assert.Contains(reports, report => report.MigrationId == "m1999");
    }

    private static MigrationReport Report(string migrationId, ulong sequence, SessionState state = SessionState.Running) =>
        new() { MigrationId = migrationId, Sequence = sequence, Role = SessionRole.Source, SessionState = state };
}
