using Orchestrator.Cli.Rendering;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Rendering;

public class RenderingTests
{
    [Fact]
    public void TextTable_AlignsColumnsAndLeavesNoTrailingBlanks() => Assert.Equal(
        """
        HOST      STATE
        h1        up
        a-long-1  -
        x         two lines

        """,
        TextTable.Render(["HOST", "STATE"], [["h1", "up"], ["a-long-1", ""], ["x", "two\nlines"]]));

    [Fact]
    public void FactList_LeavesOutWhatHasNoValue() => Assert.Equal(
        """
        Host:   h1
        State:  up
                and well

        """,
        FactList.Render([("Host", "h1"), ("Nothing", ""), ("Null", null), ("State", "up\nand well")]));

    [Fact]
    public void Wrap_BreaksAtBlanksOnly() => Assert.Equal(
        "  one two\n  three\n  averyverylongword\n  end\n",
        Prose.Wrap("one two three averyverylongword end", 10, "  "));

    [Theory]
    [InlineData("plain text, \u00e4 too\n", "plain text, \u00e4 too\n")]
    [InlineData("red \u001b[31m and bell \a", "red \uFFFD[31m and bell \uFFFD")]
    [InlineData("\u009b2J\r", "\uFFFD2J\uFFFD")]
    public void Printable_NeverSendsControlCharacters(string text, string printed) => Assert.Equal(printed, Prose.Printable(text));

    [Fact]
    public void EnumText_UsesTheProtosNames()
    {
        Assert.Equal("needs-attention", EnumText.Of(MigrationPhase.NeedsAttention));
        Assert.Equal("unknown-77", EnumText.Of((MigrationPhase)77));
        Assert.Equal(["live", "non-live"], EnumText.All<MigrationMode>());
        Assert.Equal(MigrationPhase.PostcopyPaused, EnumText.Find<MigrationPhase>("postcopy-paused"));
        Assert.Equal(MigrationPhase.PostcopyPaused, EnumText.Find<MigrationPhase>("MIGRATION_PHASE_POSTCOPY_PAUSED"));
        Assert.Null(EnumText.Find<MigrationPhase>("elsewhere"));
    }
}
