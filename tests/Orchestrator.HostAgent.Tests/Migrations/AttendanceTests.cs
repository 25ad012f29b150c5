using Orchestrator.HostAgent.Migrations;

namespace Orchestrator.HostAgent.Tests.Migrations;

public class AttendanceTests
{
    private readonly HandClock _clock = new();

    [Fact]
    public void AbsenceOf_WhileItListens_IsNone_AndCountsFromTheLastStreamsEnd()
    {
        var attendance = new Attendance(_clock);
        _clock.Pass(5);
        var first = attendance.Listen("a");
        var second = attendance.Listen("a");
        _clock.Pass(60);
        first.Dispose();
        first.Dispose();
        _clock.Pass(60);
        Assert.Equal(TimeSpan.Zero, attendance.AbsenceOf("a", 0));

        second.Dispose();
        _clock.Pass(7);
        Assert.Equal(TimeSpan.FromSeconds(7), attendance.AbsenceOf("a", 0));
    }

    [Fact]
    public void AbsenceOf_AnotherListening_DoesNotHelp()
    {
        var attendance = new Attendance(_clock);
        using var other = attendance.Listen("b");
        using var observer = attendance.Listen("");
        _clock.Pass(3);

        Assert.Equal(TimeSpan.FromSeconds(3), attendance.AbsenceOf("a", 0));
    }

    [Fact]
    public void AbsenceOf_OneThatSpoke_CountsFromItsLastWord()
    {
        var attendance = new Attendance(_clock);
        _clock.Pass(20);
        var spoke = _clock.GetTimestamp();
        _clock.Pass(4);

        Assert.Equal(TimeSpan.FromSeconds(4), attendance.AbsenceOf("a", spoke));
        Assert.Equal(TimeSpan.FromSeconds(24), attendance.AbsenceOf("a", 0));
    }

    [Fact]
    public void Listen_ManyThatCameAndWent_KeepsThoseThatListen()
    {
        var attendance = new Attendance(_clock);
        using var here = attendance.Listen("here");
        for (var replica = 0; replica < 1000; replica++)
        {
            attendance.Listen($"r{replica}").Dispose();
            _clock.Pass(1);
        }

        Assert.Equal(TimeSpan.Zero, attendance.AbsenceOf("here", 0));
        Assert.Equal(TimeSpan.FromSeconds(1), attendance.AbsenceOf("r999", 0));
        Assert.Equal(TimeSpan.FromSeconds(1000), attendance.AbsenceOf("r0", 0));
    }

    private sealed class HandClock : TimeProvider
    {
        private long _now = 1000;

        public override long TimestampFrequency => 10;

        public override long GetTimestamp() => _now;

        public void Pass(int seconds) => _now += seconds * TimestampFrequency;
    }
}
