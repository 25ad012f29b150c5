using System.IO.Compression;
using System.Text.Json;

namespace Orchestrator.Qmp.Tests;

/// <summary>Replies of query-qmp-schema of real QEMU builds (Debian, x86-64).</summary>
internal static class StoredSchema
{
    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "Schemas");

    public static IReadOnlyList<string> Versions { get; } = ["7.2.22", "10.0.13", "11.1.3"];

    public static QemuSchema Read(string version) => QemuSchema.Parse(JsonElement.Parse(ReadText(version)));

    public static string ReadText(string version)
    {
        using var reader = new StreamReader(
            new GZipStream(File.OpenRead(Path.Combine(s_folder, $"{version}.json.gz")), CompressionMode.Decompress));
        return reader.ReadToEnd();
    }
}
