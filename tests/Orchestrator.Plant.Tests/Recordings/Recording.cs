using System.Text.Json;
using System.Text.RegularExpressions;

namespace Orchestrator.Plant.Tests.Recordings;

/// <summary>
/// What the source of a recorded migration was told and what it said, with times since the command to migrate. The files' README has the
/// set-ups.
/// </summary>
internal sealed partial class Recording
{
    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "Transcripts");

    private Recording(string name, Dictionary<string, long> guest, IReadOnlyList<RecordedCommand> commands, IReadOnlyList<RecordedAnswer> answers)
    {
        (Name, Guest, Commands, Answers) = (name, guest, commands, answers);
    }

    /// <summary>Version and case, e.g. "10.0.2/converging".</summary>
    public string Name { get; }

    /// <summary>Options of the guest's program: d.mib, d.rate or d.cpu, d.fill.</summary>
    public Dictionary<string, long> Guest { get; }

    /// <summary>Without those that only ask. Times before the migration are negative.</summary>
    public IReadOnlyList<RecordedCommand> Commands { get; }

    /// <summary>Of query-migrate, those with numbers.</summary>
    public IReadOnlyList<RecordedAnswer> Answers { get; }

    /// <summary>How long it was held in pre-switchover.</summary>
    public double Held { get; private init; }

    public RecordedAnswer Last => Answers[^1];

    public static Recording Load(string name)
    {
        var guest = new Dictionary<string, long>(StringComparer.Ordinal);
        List<(double At, JsonElement Message)> commands = [];
        List<RecordedAnswer> answers = [];
        var moments = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var text in File.ReadLines(Path.Combine(s_folder, $"{name}.jsonl")))
        {
            var line = JsonElement.Parse(text);
            var message = line.GetProperty("msg");
            var direction = line.GetProperty("dir").GetString();
            if (direction == "note" && message.ValueKind is JsonValueKind.String)
            {
                foreach (Match option in Option().Matches(message.GetString()!))
                {
                    guest[option.Groups[1].Value] = long.Parse(option.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture);
                }
            }
            else if (line.GetProperty("side").GetString() == "src" && direction == "out")
            {
                commands.Add((line.GetProperty("t").GetDouble(), message));
            }
            else if (line.GetProperty("side").GetString() == "src")
            {
                See(message, answers, moments);
            }
        }

        var began = commands.Single(command => NameOf(command.Message) == "migrate").At;
        return new Recording(
            name,
            guest,
            [.. commands.Where(command => !NameOf(command.Message).StartsWith("query", StringComparison.Ordinal))
                .Select(command => new RecordedCommand(command.At - began, NameOf(command.Message), Arguments(command.Message)))],
            answers)
        {
            Held = moments.TryGetValue("pre-switchover", out var held) ? moments["device"] - held : 0,
        };
    }

    private static void See(JsonElement message, List<RecordedAnswer> answers, Dictionary<string, double> moments)
    {
        if (message.TryGetProperty("event", out var name) && name.GetString() == "MIGRATION")
        {
            var stamp = message.GetProperty("timestamp");
            var at = stamp.GetProperty("seconds").GetInt64() + (stamp.GetProperty("microseconds").GetInt64() / 1e6);
            moments.TryAdd(message.GetProperty("data").GetProperty("status").GetString()!, at);
        }
        else if (message.TryGetProperty("return", out var answer) && answer.ValueKind is JsonValueKind.Object && answer.TryGetProperty("ram", out var ram))
        {
            answers.Add(new RecordedAnswer
            {
                Status = answer.GetProperty("status").GetString()!,
                Elapsed = answer.GetProperty("total-time").GetInt64() / 1000.0,
                Remaining = ram.GetProperty("remaining").GetInt64(),
                Transferred = ram.GetProperty("transferred").GetInt64(),
                Passes = ram.GetProperty("dirty-sync-count").GetInt32(),
                ExpectedDowntime = Number(answer, "expected-downtime"),
                Downtime = Number(answer, "downtime"),
                Throttle = (int)(Number(answer, "cpu-throttle-percentage") ?? 0),
            });
        }
    }

    private static long? Number(JsonElement answer, string name) => answer.TryGetProperty(name, out var value) ? value.GetInt64() : null;

    private static string NameOf(JsonElement command) =>
        command.TryGetProperty("execute", out var name) ? name.GetString()! : command.GetProperty("exec-oob").GetString()!;

    private static JsonElement? Arguments(JsonElement command) => command.TryGetProperty("arguments", out var arguments) ? arguments : null;

    [GeneratedRegex(@"d\.(\w+)=(\d+)", RegexOptions.CultureInvariant)]
    private static partial Regex Option();
}

/// <param name="At">Seconds since the command to migrate.</param>
internal sealed record RecordedCommand(double At, string Name, JsonElement? Arguments)
{
    public long? Number(string parameter) =>
        Arguments is { } arguments && arguments.TryGetProperty(parameter, out var value) ? value.GetInt64() : null;

    public bool SwitchesOn(string capability) =>
        Name == "migrate-set-capabilities" && Arguments is { } arguments && arguments.GetProperty("capabilities").EnumerateArray()
            .Any(entry => entry.GetProperty("capability").GetString() == capability && entry.GetProperty("state").GetBoolean());
}

/// <summary>One answer to query-migrate. Bytes, seconds, and milliseconds where the name of a downtime says so in QEMU's schema.</summary>
internal sealed record RecordedAnswer
{
    public required string Status { get; init; }

    public required double Elapsed { get; init; }

    public required long Remaining { get; init; }

    public required long Transferred { get; init; }

    public required int Passes { get; init; }

    public required long? ExpectedDowntime { get; init; }

    public required long? Downtime { get; init; }

    public required int Throttle { get; init; }
}
