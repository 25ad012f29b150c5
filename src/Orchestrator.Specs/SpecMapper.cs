using System.Collections;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace Orchestrator.Specs;

/// <summary>
/// Fills a message of the contract from a file. Field names are the proto's, in snake_case or camelCase; durations, sizes and rates may
/// carry units. Finds everything that is wrong, not only the first.
/// </summary>
public sealed class SpecMapper
{
    private readonly List<FieldFault> _faults = [];

    private SpecMapper()
    {
    }

    /// <returns>Nothing when the message says what the file says; else the message is incomplete.</returns>
    public static IReadOnlyList<FieldFault> Map(SpecNode node, IMessage message)
    {
        var mapper = new SpecMapper();
        mapper.Fill(message, node, "");
        return mapper._faults;
    }

    private void Fill(IMessage message, SpecNode node, string path)
    {
        if (node is not SpecNode.Mapping mapping)
        {
            Fault(path, node.Line, $"must be a mapping with {Allowed(message.Descriptor)}");
            return;
        }

        var given = new Dictionary<FieldDescriptor, string>();
        foreach (var entry in mapping.Entries)
        {
            var field = message.Descriptor.Fields.InDeclarationOrder()
                .FirstOrDefault(field => field.Name == entry.Key || field.JsonName == entry.Key);
            if (field is null)
            {
                Fault(Join(path, entry.Key), entry.Line, $"is not known; {Allowed(message.Descriptor)}");
                continue;
            }

            if (!given.TryAdd(field, entry.Key))
            {
                Fault(Join(path, field.Name), entry.Line, "is given twice");
                continue;
            }

            if (field.ContainingOneof is { } oneof && given.Keys.Any(other => other != field && other.ContainingOneof == oneof))
            {
                var members = string.Join(", ", oneof.Fields.Select(member => member.Name));
                Fault(Join(path, field.Name), entry.Line, $"only one of {members} may be given");
                continue;
            }

            FillField(message, field, entry, Join(path, field.Name));
        }
    }

    private void FillField(IMessage message, FieldDescriptor field, SpecEntry entry, string path)
    {
        if (entry.Value is SpecNode.Null)
        {
            return;
        }

        if (!field.IsRepeated)
        {
            if (Value(field, entry.Value, path) is { } value)
            {
                field.Accessor.SetValue(message, value);
            }

            return;
        }

        if (field.IsMap)
        {
            FillMap((IDictionary)field.Accessor.GetValue(message), field.MessageType.FindFieldByNumber(2), entry, path);
            return;
        }

        if (entry.Value is not SpecNode.Sequence sequence)
        {
            Fault(path, entry.Line, "must be a list");
            return;
        }

        var list = (IList)field.Accessor.GetValue(message);
        for (var at = 0; at < sequence.Items.Count; at++)
        {
            if (Value(field, sequence.Items[at], string.Create(CultureInfo.InvariantCulture, $"{path}[{at}]")) is { } value)
            {
                list.Add(value);
            }
        }
    }

    // The contract's maps have text as keys.
    private void FillMap(IDictionary map, FieldDescriptor valueField, SpecEntry entry, string path)
    {
        if (entry.Value is not SpecNode.Mapping mapping)
        {
            Fault(path, entry.Line, "must be a mapping of names to values");
            return;
        }

        foreach (var pair in mapping.Entries)
        {
            if (map.Contains(pair.Key))
            {
                Fault(Join(path, pair.Key), pair.Line, "is given twice");
            }
            else if (Value(valueField, pair.Value, Join(path, pair.Key)) is { } value)
            {
                map.Add(pair.Key, value);
            }
        }
    }

    /// <returns>Null when there is a fault.</returns>
    private object? Value(FieldDescriptor field, SpecNode node, string path)
    {
        if (field.FieldType == FieldType.Message && field.MessageType != Duration.Descriptor && field.MessageType != Timestamp.Descriptor)
        {
            var inner = field.MessageType.Parser.ParseFrom(ByteString.Empty);

            // "abort:" alone is as clear as "abort: {}".
            if (node is not SpecNode.Nothing || field.MessageType.Fields.InDeclarationOrder().Count > 0)
            {
                Fill(inner, node, path);
            }

            return inner;
        }

        if (node is not SpecNode.Scalar scalar)
        {
            Fault(path, node.Line, node is SpecNode.Nothing ? $"has no value; write {Form(field)}" : $"must be one value: {Form(field)}");
            return null;
        }

        var value = Parse(field, scalar.Text, out var problem);
        if (value is null)
        {
            Fault(path, scalar.Line, problem ?? $"\"{scalar.Text}\" does not fit; write {Form(field)}");
        }

        return value;
    }

    private static object? Parse(FieldDescriptor field, string text, out string? problem)
    {
        problem = null;
        switch (field.FieldType)
        {
            case FieldType.Message when field.MessageType == Timestamp.Descriptor:
                return Moment.TryParse(text, out var moment) ? moment : null;
            case FieldType.Message:
                return Quantity.TryParseDuration(text, out var duration, out problem) ? duration : null;
            case FieldType.UInt64 when FieldMeaning.IsRate(field):
                return Quantity.TryParseRate(text, out var rate, out problem) ? rate : null;
            case FieldType.UInt64 when FieldMeaning.IsSize(field):
                return Quantity.TryParseSize(text, out var size, out problem) ? size : null;
            case FieldType.UInt64:
                return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var large) ? large : null;
            case FieldType.UInt32:
                return uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
            case FieldType.Int64 when FieldMeaning.IsRate(field):
                return Quantity.TryParseRate(text, out var signedRate, out problem) && signedRate <= long.MaxValue ? (long)signedRate : null;
            case FieldType.Int64:
                return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var signedLarge) ? signedLarge : null;
            case FieldType.Int32:
                return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var signed) ? signed : null;
            case FieldType.Double:
                return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real)
                    ? real
                    : null;
            case FieldType.Bool:
                return text switch { "true" => true, "false" => false, _ => null };
            case FieldType.String:
                return text;
            case FieldType.Enum:
                return FieldMeaning.FindMember(field.EnumType, text) is { } member ? member.Number : null;
            default:
                throw new NotSupportedException($"{field.FullName} is {field.FieldType}, which no file holds yet.");
        }
    }

    private static string Form(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message when field.MessageType == Timestamp.Descriptor => Moment.Form,
        FieldType.Message => Quantity.DurationForm,
        FieldType.UInt64 or FieldType.Int64 when FieldMeaning.IsRate(field) => Quantity.RateForm,
        FieldType.UInt64 when FieldMeaning.IsSize(field) => Quantity.SizeForm,
        FieldType.UInt32 or FieldType.UInt64 => "a whole number, 0 or above",
        FieldType.Int32 or FieldType.Int64 => "a whole number",
        FieldType.Double => "a number",
        FieldType.Bool => "true or false",
        FieldType.Enum => "one of " + string.Join(", ", FieldMeaning.Members(field.EnumType).Select(member => member.Word)),
        _ => "text",
    };

    private static string Allowed(MessageDescriptor type)
    {
        var names = type.Fields.InDeclarationOrder().Select(field => field.Name).ToList();
        return names.Count == 0 ? "no fields are allowed here; write {}" : "allowed: " + string.Join(", ", names);
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private void Fault(string path, int? line, string description) => _faults.Add(new FieldFault(path, description, line));
}
