using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Orchestrator.Specs;

/// <summary>Reads YAML and JSON into <see cref="SpecNode"/>.</summary>
public static class SpecReader
{
    // Deeper than any document of the contract; an alias that contains itself ends here.
    private const int MaxDepth = 32;

    // Aliases of aliases multiply.
    private const int MaxNodes = 20_000;

    public static bool TryRead(string text, [NotNullWhen(true)] out SpecNode? node, [NotNullWhen(false)] out FieldFault? fault)
    {
        // A JSON file may be indented with tabs, which YAML refuses, so what begins like JSON is read as JSON first.
        if (text.AsSpan().TrimStart().StartsWith("{") && TryReadJson(text, out node, out fault))
        {
            return true;
        }

        return TryReadYaml(text, out node, out fault);
    }

    private static bool TryReadJson(string text, [NotNullWhen(true)] out SpecNode? node, [NotNullWhen(false)] out FieldFault? fault)
    {
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = MaxDepth });
            node = FromJson(document.RootElement);
            fault = null;
            return true;
        }
        catch (JsonException broken)
        {
            node = null;
            fault = new FieldFault("", "is no JSON: " + broken.Message, (int?)broken.LineNumber + 1);
            return false;
        }
    }

    private static SpecNode FromJson(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => new SpecNode.Mapping(
            [.. element.EnumerateObject().Select(property => new SpecEntry(property.Name, FromJson(property.Value), null))], null),
        JsonValueKind.Array => new SpecNode.Sequence([.. element.EnumerateArray().Select(FromJson)], null),
        JsonValueKind.Null => new SpecNode.Null(null),
        JsonValueKind.String => new SpecNode.Scalar(element.GetString() ?? "", null),
        _ => new SpecNode.Scalar(element.GetRawText(), null),
    };

    private static bool TryReadYaml(string text, [NotNullWhen(true)] out SpecNode? node, [NotNullWhen(false)] out FieldFault? fault)
    {
        node = null;
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            if (stream.Documents.Count != 1)
            {
                fault = new FieldFault("", stream.Documents.Count == 0 ? "is empty" : "has more than one YAML document; write one");
                return false;
            }

            var nodesLeft = MaxNodes;
            node = FromYaml(stream.Documents[0].RootNode, 0, ref nodesLeft);
            fault = null;
            return true;
        }
        catch (YamlException broken)
        {
            fault = new FieldFault("", "is no YAML: " + broken.Message, (int)broken.Start.Line);
            return false;
        }
    }

    private static SpecNode FromYaml(YamlNode node, int depth, ref int nodesLeft)
    {
        var line = (int)node.Start.Line;
        if (depth > MaxDepth || --nodesLeft < 0)
        {
            throw new YamlException(node.Start, node.End, $"nested deeper than {MaxDepth} levels or larger than {MaxNodes} nodes");
        }

        switch (node)
        {
            case YamlMappingNode mapping:
                var entries = new List<SpecEntry>();
                foreach (var (key, value) in mapping.Children)
                {
                    if (key is not YamlScalarNode { Value: { } name })
                    {
                        throw new YamlException(key.Start, key.End, "a key must be a name");
                    }

                    entries.Add(new SpecEntry(name, FromYaml(value, depth + 1, ref nodesLeft), (int)key.Start.Line));
                }

                return new SpecNode.Mapping(entries, line);
            case YamlSequenceNode sequence:
                var items = new List<SpecNode>();
                foreach (var item in sequence.Children)
                {
                    items.Add(FromYaml(item, depth + 1, ref nodesLeft));
                }

                return new SpecNode.Sequence(items, line);
            case YamlScalarNode { Style: ScalarStyle.Plain } scalar when string.IsNullOrEmpty(scalar.Value):
                return new SpecNode.Nothing(line);
            case YamlScalarNode { Style: ScalarStyle.Plain, Value: "~" or "null" or "Null" or "NULL" }:
                return new SpecNode.Null(line);
            case YamlScalarNode scalar:
                return new SpecNode.Scalar(scalar.Value ?? "", line);
            default:
                throw new YamlException(node.Start, node.End, $"{node.NodeType} has no meaning here");
        }
    }
}
