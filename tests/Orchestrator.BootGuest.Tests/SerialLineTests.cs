namespace Orchestrator.BootGuest.Tests;

public sealed class SerialLineTests
{
    [Fact]
    public void Parse_Heartbeat_HasEveryNumber() =>
        Assert.Equal(
            new SerialLine.Beat(new Heartbeat(18446744073709551615, 3, 4096, 7)),
            SerialLine.Parse("HB 18446744073709551615 r=3 d=4096 b=7"));

    [Theory]
    [InlineData("HB 1 r=2 d=3")]
    [InlineData("HB 1 r=2 d=3 b=4 ")]
    [InlineData("HB 1 r=2 d=3 b=4 x=5")]
    [InlineData("HB 1 r=2 d=3 b=")]
    [InlineData("HB 1 r=2 d=3 b=+4")]
    [InlineData("HB -1 r=2 d=3 b=4")]
    [InlineData("HB 1 d=2 r=3 b=4")]
    [InlineData("HB 1  r=2 d=3 b=4")]
    [InlineData("HB 18446744073709551616 r=2 d=3 b=4")]
    [InlineData("B 1 r=2 d=3 b=4")]
    [InlineData(" HB 1 r=2 d=3 b=4")]
    [InlineData("")]
    public void Parse_NotExactlyAHeartbeat_IsNoise(string line) =>
        Assert.Equal(new SerialLine.Noise(line), SerialLine.Parse(line));

    public static TheoryData<string, BootGuestOptions> ReadyLines => new()
    {
        { "READY ws=64 rate=8 cpu=0 fill=32 beat=50", Options(new DirtyPace.Steady(8)) },
        { "READY ws=64 rate=0 cpu=0 fill=32 beat=50", Options(new DirtyPace.FlatOut()) },
        { "READY ws=64 rate=0 cpu=9 fill=32 beat=50", Options(new DirtyPace.CpuBound(9)) },
    };

    [Theory]
    [MemberData(nameof(ReadyLines))]
    public void Parse_Ready_GivesTheOptionsBack(string line, BootGuestOptions options) =>
        Assert.Equal(new SerialLine.Ready(options), SerialLine.Parse(line));

    [Theory]
    [InlineData("READY ws=0 rate=8 cpu=0 fill=0 beat=50")]
    [InlineData("READY ws=1 rate=8 cpu=0 fill=0")]
    public void Parse_ReadyThatTheGuestCannotSay_IsNoise(string line) => Assert.IsType<SerialLine.Noise>(SerialLine.Parse(line));

    [Fact]
    public void Parse_BadPage_NamesThePage() =>
        Assert.Equal(
            new SerialLine.Bad("page=1000 expected=0x00000001 found=0x00000002", 1000),
            SerialLine.Parse("BAD page=1000 expected=0x00000001 found=0x00000002"));

    [Fact]
    public void Parse_BadCounter_HasNoPage() =>
        Assert.Equal(new SerialLine.Bad("counter=9 copy=3", null), SerialLine.Parse("BAD counter=9 copy=3"));

    [Fact]
    public void Parse_Refused_SaysWhy() =>
        Assert.Equal(new SerialLine.Refused("ws must be 1..2800"), SerialLine.Parse("REFUSED ws must be 1..2800"));

    private static BootGuestOptions Options(DirtyPace pace) =>
        new() { WorkingSetMebibytes = 64, Pace = pace, FillMebibytes = 32, BeatsPerSecond = 50 };
}
