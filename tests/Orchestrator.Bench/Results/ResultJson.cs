using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Orchestrator.Bench.Results;

/// <summary>A result on its way out: one line of JSON below the table, and the same indented in the file that was asked for.</summary>
internal static class ResultJson
{
    private static readonly JsonSerializerOptions s_compact = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,

        // It goes to files and pipes, not into web pages.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
    private static readonly JsonSerializerOptions s_indented = new(s_compact) { WriteIndented = true };

    public static Option<string?> CreateOption() => new("--json") { Description = "File that gets the result as one JSON object." };

    public static async Task PublishAsync<T>(T result, string? path, CancellationToken cancellation)
    {
        Console.WriteLine(JsonSerializer.Serialize(result, s_compact));
        if (path is not null)
        {
            await File.WriteAllTextAsync(path, JsonSerializer.Serialize(result, s_indented) + "\n", cancellation);
        }
    }
}
