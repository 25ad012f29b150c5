using Google.Protobuf;

namespace Orchestrator.ControlPlane;

/// <summary>Messages as they stand in jsonb columns: canonical proto JSON.</summary>
internal static class ProtoJson
{
    // A newer release that ran on this database may have written fields that this one does not know.
    private static readonly JsonParser s_parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

    public static string Write(IMessage message) => JsonFormatter.Default.Format(message);

    public static T Read<T>(string json)
        where T : IMessage, new() => s_parser.Parse<T>(json);
}
