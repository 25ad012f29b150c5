using System.Text.Json;

namespace Orchestrator.Qmp.Tests;

public sealed class QemuSchemaTests
{
    public static TheoryData<string, QemuFeatures> Features => new()
    {
        { "7.2.22", QemuVersions.Of72 },
        { "10.0.13", QemuVersions.Of100 },
        { "11.1.3", QemuVersions.Of111 },
    };

    [Theory]
    [MemberData(nameof(Features))]
    public void From_SchemaOfARealBuild_TellsItsFeatures(string version, QemuFeatures expected) =>
        Assert.Equal(expected, QemuFeatures.From(StoredSchema.Read(version)));

    [Theory]
    [InlineData("7.2.22", 14, 21, 27, "")]
    [InlineData("10.0.13", 15, 22, 29, "cpr-reboot cpr-transfer normal")]
    [InlineData("11.1.3", 17, 21, 31, "cpr-exec cpr-reboot cpr-transfer normal")]
    public void Parse_SchemaOfARealBuild_HasTheMigrationLists(
        string version, int statuses, int capabilities, int parameters, string modes)
    {
        var schema = StoredSchema.Read(version);

        Assert.Equal(statuses, schema.MigrationStatuses.Count);
        Assert.Equal(capabilities, schema.MigrationCapabilities.Count);
        Assert.Equal(parameters, schema.MigrationParameters.Count);
        Assert.Equal(modes, string.Join(' ', schema.MigrationModes.Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void Has_CommandsEventsAndArguments_AreToldApart()
    {
        var schema = StoredSchema.Read("10.0.13");

        Assert.True(schema.HasCommand("query-migrate"));
        Assert.False(schema.HasCommand("MIGRATION"));
        Assert.False(schema.HasCommand("query-migratf"));
        Assert.True(schema.HasEvent("MIGRATION"));
        Assert.False(schema.HasEvent("query-migrate"));
        Assert.True(schema.HasArgument("migrate-incoming", "exit-on-error"));
        Assert.False(schema.HasArgument("migrate-incoming", "blk"));
        Assert.False(schema.HasArgument("no-such-command", "uri"));
        Assert.True(schema.AllowsOutOfBand("migrate-pause"));
        Assert.False(schema.AllowsOutOfBand("query-migrate"));
        Assert.True(schema.HasMigrationInfoMember("ram"));
        Assert.False(schema.HasMigrationInfoMember("remaining"));
    }

    [Fact]
    public void ToArguments_EveryParameterWeKnow_IsOneOfANewSchema()
    {
        var every = MigrationParametersTests.Every.ToArguments().Select(argument => argument.Key);

        Assert.Subset(StoredSchema.Read("11.1.3").MigrationParameters.ToHashSet(), every.ToHashSet());
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("""[1, {"name": 5}, {"name": "query-migrate"}, {"name": "query-migrate", "meta-type": "command", "ret-type": "9"}]""")]
    [InlineData("""[{"name": "9", "meta-type": "object", "members": 5}, {"name": "migrate-set-capabilities", "arg-type": 4}]""")]
    public void Parse_HollowSchema_HasNothing(string reply)
    {
        var schema = QemuSchema.Parse(JsonElement.Parse(reply));

        Assert.Empty(schema.MigrationCapabilities);
        Assert.Empty(schema.MigrationStatuses);
        Assert.False(schema.HasMigrationInfoMember("remaining"));
        Assert.False(QemuFeatures.From(schema).SystemWideRemaining);
    }

    [Fact]
    public void Parse_NoArray_IsRefused() =>
        Assert.Throws<InvalidDataException>(() => QemuSchema.Parse(JsonElement.Parse("{}")));
}
