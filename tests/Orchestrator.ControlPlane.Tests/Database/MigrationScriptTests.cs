using Orchestrator.ControlPlane.Database;

namespace Orchestrator.ControlPlane.Tests.Database;

public sealed class MigrationScriptTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("scripts-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ReadFolder_OrdersByNumber()
    {
        Write("V0002__second.sql", "V0001__first.sql");

        Assert.Equal(["V0001__first.sql", "V0002__second.sql"], MigrationScript.ReadFolder(_folder).Select(script => script.FileName));
    }

    [Theory]
    [InlineData("expected V0002, found V0003__third.sql", "V0001__first.sql", "V0003__third.sql")]
    [InlineData("expected V0002, found V0001__twice.sql", "V0001__first.sql", "V0001__twice.sql")]
    [InlineData("V2__second.sql has no name such as", "V0001__first.sql", "V2__second.sql")]
    [InlineData("No database scripts in")]
    public void ReadFolder_NotAWholeSeries_IsRefused(string message, params string[] names)
    {
        Write(names);

        Assert.Contains(
            message, Assert.Throws<StartRefusedException>(() => MigrationScript.ReadFolder(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Checksum_IsOfTheTextWhateverItsLineEnds()
    {
        var unix = MigrationScript.Parse("V0001__a.sql", "SELECT 1;\nSELECT 2;\n");
        Assert.Equal(unix.Checksum, MigrationScript.Parse("V0001__a.sql", "SELECT 1;\r\nSELECT 2;\r\n").Checksum);
        Assert.NotEqual(unix.Checksum, MigrationScript.Parse("V0001__a.sql", "SELECT 1;\nSELECT 3;\n").Checksum);
    }

    private void Write(params string[] names)
    {
        foreach (var name in names)
        {
            File.WriteAllText(Path.Combine(_folder, name), "SELECT 1;");
        }
    }
}
