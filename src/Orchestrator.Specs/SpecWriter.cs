using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace Orchestrator.Specs;

/// <summary>
/// Writes a message as the YAML that <see cref="SpecMapper"/> reads back into the same message. Absent fields are left out.
/// </summary>
public static partial class SpecWriter
{
    private static readonly JsonSerializerOptions s_quoted = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write(IMessage message)
    {
        var yaml = new StringBuilder();
        WriteFields(yaml, message, 0);
        return yaml.ToString();
    }

    private static void WriteFields(StringBuilder yaml, IMessage message, int indent)
    {
        foreach (var field in Given(message))
        {
            yaml.Append(' ', indent).Append(field.Name).Append(':');
            var value = field.Accessor.GetValue(message);
            if (field.IsMap)
            {
                yaml.Append('\n');
                WriteMap(yaml, field, (IDictionary)value, indent + 2);
            }
            else if (field.IsRepeated)
            {
                yaml.Append('\n');
                foreach (var item in (IList)value)
                {
                    WriteItem(yaml, field, item, indent + 2);
                }
            }
            else
            {
                WriteValue(yaml, field, value, indent);
            }
        }
    }

    private static void WriteMap(StringBuilder yaml, FieldDescriptor field, IDictionary map, int indent)
    {
        foreach (var key in map.Keys.Cast<string>().Order(StringComparer.Ordinal))
        {
            yaml.Append(' ', indent).Append(Text(key)).Append(':');
            WriteValue(yaml, field.MessageType.FindFieldByNumber(2), map[key] ?? "", indent);
        }
    }

    private static void WriteItem(StringBuilder yaml, FieldDescriptor field, object item, int indent)
    {
        var start = yaml.Length + indent;
        if (item is IMessage message and not Duration and not Timestamp && Given(message).Any())
        {
            WriteFields(yaml, message, indent + 2);
            yaml[start] = '-';
        }
        else
        {
            yaml.Append(' ', indent).Append('-');
            WriteValue(yaml, field, item, indent);
        }
    }

    private static void WriteValue(StringBuilder yaml, FieldDescriptor field, object value, int indent)
    {
        switch (value)
        {
            case Duration duration:
                yaml.Append(' ').Append(QuantityText.ExactDuration(duration)).Append('\n');
                break;
            case Timestamp moment:
                yaml.Append(' ').Append(Moment.Exact(moment)).Append('\n');
                break;
            case IMessage message when !Given(message).Any():
                yaml.Append(" {}\n");
                break;
            case IMessage message:
                yaml.Append('\n');
                WriteFields(yaml, message, indent + 2);
                break;
            default:
                yaml.Append(' ').Append(Scalar(field, value)).Append('\n');
                break;
        }
    }

    private static string Scalar(FieldDescriptor field, object value) => value switch
    {
        long signed and >= 0 when FieldMeaning.IsRate(field) => QuantityText.ExactRate((ulong)signed),
        ulong rate when FieldMeaning.IsRate(field) => QuantityText.ExactRate(rate),
        ulong size when FieldMeaning.IsSize(field) => QuantityText.ExactSize(size),
        bool truth => truth ? "true" : "false",
        string text => Text(text),
        _ when field.FieldType == FieldType.Enum => EnumWord(field.EnumType, Convert.ToInt32(value, CultureInfo.InvariantCulture)),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new NotSupportedException($"{field.FullName} is {field.FieldType}, which no file holds yet."),
    };

    private static string EnumWord(EnumDescriptor type, int number)
    {
        foreach (var member in FieldMeaning.Members(type))
        {
            if (member.Number == number)
            {
                return member.Word;
            }
        }

        return number.ToString(CultureInfo.InvariantCulture);
    }

    private static string Text(string text) =>
        PlainPattern().IsMatch(text) && !ReservedPattern().IsMatch(text) ? text : JsonSerializer.Serialize(text, s_quoted);

    private static IEnumerable<FieldDescriptor> Given(IMessage message) =>
        message.Descriptor.Fields.InFieldNumberOrder().Where(field => field switch
        {
            { IsRepeated: true } => ((ICollection)field.Accessor.GetValue(message)).Count > 0,
            { HasPresence: true } => field.Accessor.HasValue(message),
            _ => field.Accessor.GetValue(message) switch
            {
                string text => text.Length > 0,
                bool truth => truth,
                var value => Convert.ToDouble(value, CultureInfo.InvariantCulture) != 0,
            },
        });

    // What YAML reads as text without quotes, by the strictest reading.
    [GeneratedRegex(@"^[A-Za-z/][A-Za-z0-9_./+-]*(?: [A-Za-z0-9_./+-]+)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex PlainPattern();

    [GeneratedRegex(@"^(?:true|false|null|yes|no|on|off|y|n)\z", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex ReservedPattern();
}
