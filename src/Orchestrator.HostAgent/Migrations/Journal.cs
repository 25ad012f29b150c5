using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Google.Protobuf;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>A journal that cannot be believed: damaged where a crash cannot have damaged it.</summary>
internal sealed class JournalDamagedException(string message, Exception inner) : Exception(message, inner);

/// <summary>One session's journal: a line of JSON per entry, each on the disk before whatever it announces is done.</summary>
internal sealed class Journal : IDisposable
{
    public const string FileName = "journal.jsonl";

    private static readonly JsonSerializerOptions s_json = new()
    {
        // For whoever reads it: engines' words and QEMU's quotes as they are.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters =
        {
            new MessageConverter<ExecuteRequest>(), new MessageConverter<ExecuteResponse>(), new MessageConverter<TransferNumbers>(),
            new MessageConverter<Decision>(),
            new JsonStringEnumConverter(),
        },
    };

    private readonly string _folder;
    private FileStream? _file;

    private Journal(string folder) => _folder = folder;

    /// <summary>Reads what is there; a torn last line, as a crash leaves it, is cut off. Makes nothing where there is nothing.</summary>
    /// <exception cref="JournalDamagedException">Another line than the last cannot be read.</exception>
    public static (Journal Journal, IReadOnlyList<JournalEntry> Entries) Open(string folder)
    {
        var journal = new Journal(folder);
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            return (journal, []);
        }

        var entries = Parse(File.ReadAllBytes(path), out var sound);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write);
        if (file.Length > sound)
        {
            file.SetLength(sound);
            file.Flush(flushToDisk: true);
        }

        return (journal, entries);
    }

    /// <summary>Returns when the entry is on the disk.</summary>
    public void Append(JournalEntry entry)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(entry, s_json);
        var file = _file ??= Create();
        file.Write([.. line, (byte)'\n']);
        file.Flush(flushToDisk: true);
    }

    /// <summary>Closes the file; a later entry opens it again.</summary>
    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    /// <param name="sound">Length in bytes of what could be read.</param>
    internal static IReadOnlyList<JournalEntry> Parse(ReadOnlySpan<byte> text, out int sound)
    {
        List<JournalEntry> entries = [];
        sound = 0;
        while (text[sound..].IndexOf((byte)'\n') is var length and >= 0)
        {
            var line = text.Slice(sound, length);
            try
            {
                entries.Add(JsonSerializer.Deserialize<JournalEntry>(line, s_json) ?? throw new JsonException("null is no entry"));
            }
            catch (Exception unreadable) when (unreadable is JsonException or NotSupportedException or InvalidProtocolBufferException)
            {
                if (sound + length + 1 < text.Length)
                {
                    throw new JournalDamagedException($"line {entries.Count + 1} cannot be read: {Encoding.UTF8.GetString(line)}", unreadable);
                }

                // Blocks of a file need not reach the disk in order, so a torn line may even have its end.
                return entries;
            }

            sound += length + 1;
        }

        return entries;
    }

    private FileStream Create()
    {
        Directory.CreateDirectory(_folder);
        var path = Path.Combine(_folder, FileName);
        var created = !File.Exists(path);
        var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
        if (created)
        {
            DurableFile.SyncFolder(_folder);
            DurableFile.SyncFolder(Path.GetDirectoryName(_folder) ?? "/");
        }

        return file;
    }

    /// <summary>Protobuf messages in their own JSON form.</summary>
    private sealed class MessageConverter<T> : JsonConverter<T>
        where T : IMessage<T>, new()
    {
        // What a newer agent wrote and this one does not know is left out rather than an end to everything.
        private static readonly JsonParser s_parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            s_parser.Parse<T>(JsonElement.ParseValue(ref reader).GetRawText());

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
            writer.WriteRawValue(JsonFormatter.Default.Format(value));
    }
}
