using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Plant.Description;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.Plant.Tests.Description;

public class DescriptionParserTests
{
    [Fact]
    public void Parse_ASoundMigration_EveryFieldArrives()
    {
        var parsed = Parse(Messages.Sound(), out var found);

        Assert.Empty(found);
        Assert.NotNull(parsed);
        Assert.Equal("a guest", parsed.Description);
        Assert.Equal(1L << 30, parsed.Guest.Memory);
        Assert.Equal(0.25, parsed.Guest.ZeroShare);
        var set = Assert.Single(parsed.Guest.HotSets);
        Assert.Equal(("hot", 4096L, 1e6, true, 0.5), (set.Name, set.Size, set.WriteRate, set.Sequential, set.CpuShare));
        Assert.Equal(new Orchestrator.Plant.Description.PaceChange(
            TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3), 0.5), Assert.Single(set.Changes));
        var device = Assert.Single(parsed.Guest.Devices);
        Assert.Equal(
            new Orchestrator.Plant.Description.SimulatedDevice
            {
                Name = "gpu",
                StopCopy = 1,
                Initial = 2,
                DirtyRate = 3,
                DirtyMax = 4,
                NeedsAck = true,
                LoadRate = 5,
                Reports = DeviceReporting.Rubbish,
                RubbishShare = 0.5,
            },
            device);
        Assert.Equal((1e6, 2000L, 0.1, 1), (parsed.Link.BytesPerSecond, parsed.Link.MaxBytesPerSecond, parsed.Link.Jitter, parsed.Link.Changes.Count));
        Assert.Equal((EngineVersion.Qemu111, TimeSpan.FromMilliseconds(30), 1e9), (parsed.Engine.Version, parsed.Engine.FixedDowntime, parsed.Engine.ScanRate));
        Assert.Equal((TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1)), (parsed.MaxDowntime, parsed.Deadline));
        Assert.Equal(
            new Orchestrator.Plant.Description.PermittedMeans { ThrottleMaxPercent = 50, MaxPause = TimeSpan.FromSeconds(4), PostCopy = true }, parsed.Permitted);
    }

    [Fact]
    public void Parse_TheLeast_HasTheUsualValues()
    {
        var message = new SimulatedMigration
        {
            Guest = new SimulatedGuest { MemoryBytes = 1 << 20 },
            Link = new SimulatedLink { BytesPerSecond = 1000 },
            MaxDowntime = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(1)),
            Deadline = Duration.FromTimeSpan(TimeSpan.FromSeconds(1)),
        };

        var parsed = Parse(message, out var found);

        Assert.Empty(found);
        Assert.Equal((EngineVersion.Qemu100, TimeSpan.FromMilliseconds(20), 4e9), (parsed!.Engine.Version, parsed.Engine.FixedDowntime, parsed.Engine.ScanRate));
        Assert.Equal(new Orchestrator.Plant.Description.PermittedMeans(), parsed.Permitted);
    }

    [Theory]
    [InlineData("7.2", EngineVersion.Qemu72)]
    [InlineData("8.2", EngineVersion.Qemu82)]
    [InlineData("9.2", EngineVersion.Qemu92)]
    [InlineData("10.0", EngineVersion.Qemu100)]
    [InlineData("10.1", EngineVersion.Qemu101)]
    [InlineData("11.0", EngineVersion.Qemu110)]
    [InlineData("11.1", EngineVersion.Qemu111)]
    public void Parse_EveryVersion_IsKnownByItsName(string name, EngineVersion version)
    {
        var message = Messages.Sound();
        message.Engine.Version = name;

        Assert.Equal(version, Parse(message, out _)!.Engine.Version);
        Assert.Equal(name, DescriptionParser.NameOf(version));
    }

    [Theory]
    [MemberData(nameof(Wrongs))]
    public void Parse_OneWrongField_IsNamedWithPathAndRange(string field, string says)
    {
        var message = Messages.Sound();
        Messages.Wrongs[field].Make(message);

        Assert.Null(Parse(message, out var found));

        Assert.Equal($"{field}: {says}", Assert.Single(found));
    }

    [Fact]
    public void Parse_EverythingWrong_EverythingIsSaidAtOnce()
    {
        // Those of one field exclude each other, and without a guest or a link nothing in them can be wrong.
        var message = Messages.Sound();
        List<string> made = [];
        foreach (var (field, wrong) in Messages.Wrongs.Where(wrong => wrong.Key is not ("guest" or "link") && wrong.Value.Independent))
        {
            wrong.Make(message);
            made.Add(field);
        }

        Assert.Null(Parse(message, out var found));

        Assert.Equal(made.Order(StringComparer.Ordinal), found.Select(text => text.Split(':')[0]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Parse_UnderAPath_EveryFieldHasIt()
    {
        var violations = new Violations();

        Assert.Null(DescriptionParser.Parse(null, "migration.", violations));

        Assert.Equal(
            ["migration.guest", "migration.link", "migration.max_downtime", "migration.deadline"],
            violations.Found.Select(violation => violation.Field));
    }

    [Fact]
    public void Parse_OthersFoundBefore_AreNoFaultOfTheMigration()
    {
        var violations = new Violations();
        violations.Add("name", "is missing");

        Assert.NotNull(DescriptionParser.Parse(Messages.Sound(), "", violations));
    }

    public static TheoryData<string, string> Wrongs()
    {
        var data = new TheoryData<string, string>();
        foreach (var (field, wrong) in Messages.Wrongs)
        {
            data.Add(field, wrong.Says);
        }

        return data;
    }

    private static MigrationDescription? Parse(SimulatedMigration message, out List<string> found)
    {
        var violations = new Violations();
        var parsed = DescriptionParser.Parse(SimulatedMigration.Parser.ParseFrom(message.ToByteArray()), "", violations);
        found = [.. violations.Found.Select(violation => $"{violation.Field}: {violation.Description}")];
        return parsed;
    }
}
