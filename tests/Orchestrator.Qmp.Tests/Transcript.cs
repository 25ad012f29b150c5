using System.Text.Json;

namespace Orchestrator.Qmp.Tests;

/// <summary>One side of a recorded migration: every line that side received or sent, in order.</summary>
internal sealed record Transcript(IReadOnlyList<TranscriptLine> Lines)
{
    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "Transcripts");

    /// <summary>Version and case of every recording, such as <c>10.0.2/converging</c>.</summary>
    public static IEnumerable<string> Names() =>
        Directory.EnumerateFiles(s_folder, "*.jsonl", SearchOption.AllDirectories)
            .Select(file => Path.ChangeExtension(Path.GetRelativePath(s_folder, file), null))
            .Order(StringComparer.Ordinal);

    /// <param name="side"><c>src</c> or <c>dst</c>.</param>
    public static Transcript Load(string name, string side) => Read(Path.Combine(s_folder, $"{name}.jsonl"), side);

    public static Transcript Read(string path, string side)
    {
        var lines = File.ReadLines(path)
            .Select(text => JsonElement.Parse(text))
            .Where(line => line.GetProperty("side").GetString() == side && line.GetProperty("dir").GetString() != "note")
            .Select(line => new TranscriptLine(line.GetProperty("dir").GetString() == "out", line.GetProperty("msg")))
            .ToList();
        return new Transcript(lines);
    }

    /// <summary>The commands with their replies; a null reply is one the connection did not live to see.</summary>
    /// <remarks>The recorder sent no ids and one command at a time, so the next reply is the reply.</remarks>
    public IReadOnlyList<(JsonElement Command, JsonElement? Reply)> Exchanges()
    {
        var replies = new Queue<JsonElement>(Lines.Where(line => line.IsReply).Select(line => line.Message));
        return [.. Lines.Where(line => line.IsCommand)
            .Select(line => (line.Message, replies.TryDequeue(out var reply) ? reply : (JsonElement?)null))];
    }

    /// <summary>What a command returned, each time it was answered without an error.</summary>
    public IEnumerable<JsonElement> Returned(string command) => Exchanges()
        .Where(exchange => exchange.Command.TryGetProperty("execute", out var name) && name.GetString() == command)
        .Select(exchange => exchange.Reply is { } reply && reply.TryGetProperty("return", out var result) ? result : (JsonElement?)null)
        .OfType<JsonElement>();

    public IReadOnlyList<JsonElement> Events() => [.. Lines.Where(line => line.IsEvent).Select(line => line.Message)];
}

internal sealed record TranscriptLine(bool IsCommand, JsonElement Message)
{
    public bool IsEvent => !IsCommand && Message.TryGetProperty("event", out _);

    public bool IsGreeting => !IsCommand && Message.TryGetProperty("QMP", out _);

    public bool IsReply => !IsCommand && !IsEvent && !IsGreeting;
}
