using Google.Protobuf;

namespace Orchestrator.Cli.Rendering;

/// <summary>Canonical proto JSON, which parses back into the same message.</summary>
internal static class JsonText
{
    private static readonly JsonFormatter s_document = new(JsonFormatter.Settings.Default.WithIndentation());

    public static string Document(IMessage message) => s_document.Format(message);

    public static string Line(IMessage message) => JsonFormatter.Default.Format(message);
}
