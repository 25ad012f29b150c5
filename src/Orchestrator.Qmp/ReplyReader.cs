using System.Text.Json;

namespace Orchestrator.Qmp;

/// <summary>
/// Reads the members of a reply object. A member that is missing or null is null; one that does not fit its type is null
/// too and noted in <see cref="Unreadable"/>. Nothing throws: QEMU has been seen to report impossible numbers.
/// </summary>
internal sealed class ReplyReader
{
    private readonly JsonElement _reply;
    private readonly string _path;
    private readonly List<string> _unreadable;

    /// <param name="name">What is read, for <see cref="Unreadable"/>.</param>
    public ReplyReader(string name, JsonElement reply)
        : this("", reply, [])
    {
        if (reply.ValueKind != JsonValueKind.Object)
        {
            Note(name, reply);
        }
    }

    private ReplyReader(string path, JsonElement reply, List<string> unreadable)
    {
        _path = path;
        _reply = reply;
        _unreadable = unreadable;
    }

    /// <summary>Path and raw text of each thing left out.</summary>
    public IReadOnlyList<string> Unreadable => _unreadable;

    /// <summary>QEMU's <c>size</c> and <c>uint64</c>, and counts that it declares signed but that cannot be negative.</summary>
    public ulong? Unsigned(string name) =>
        !Has(name, out var member) ? null
        : member.ValueKind == JsonValueKind.Number && member.TryGetUInt64(out var value) ? value
        : NoteMember<ulong>(name, member);

    public long? Signed(string name) =>
        !Has(name, out var member) ? null
        : member.ValueKind == JsonValueKind.Number && member.TryGetInt64(out var value) ? value
        : NoteMember<long>(name, member);

    public int? Small(string name) =>
        !Has(name, out var member) ? null
        : member.ValueKind == JsonValueKind.Number && member.TryGetInt32(out var value) ? value
        : NoteMember<int>(name, member);

    public double? Fraction(string name) =>
        !Has(name, out var member) ? null
        : member.ValueKind == JsonValueKind.Number && member.TryGetDouble(out var value) && double.IsFinite(value) ? value
        : NoteMember<double>(name, member);

    public bool? Flag(string name) =>
        !Has(name, out var member) ? null
        : member.ValueKind is JsonValueKind.True or JsonValueKind.False ? member.ValueKind is JsonValueKind.True
        : NoteMember<bool>(name, member);

    public string? Text(string name)
    {
        if (!Has(name, out var member))
        {
            return null;
        }

        if (QmpText.Of(member) is { } text)
        {
            return text;
        }

        Note($"{_path}{name}", member);
        return null;
    }

    public ReplyReader? Object(string name)
    {
        if (!Has(name, out var member))
        {
            return null;
        }

        if (member.ValueKind == JsonValueKind.Object)
        {
            return new ReplyReader($"{_path}{name}.", member, _unreadable);
        }

        Note($"{_path}{name}", member);
        return null;
    }

    /// <returns>Null when missing, or when one item does not fit: half a distribution would mislead.</returns>
    public IReadOnlyList<ulong>? UnsignedList(string name)
    {
        if (Items(name) is not { } items)
        {
            return null;
        }

        List<ulong> values = [];
        foreach (var item in items)
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetUInt64(out var value))
            {
                Note($"{_path}{name}[{values.Count}]", item);
                return null;
            }

            values.Add(value);
        }

        return values;
    }

    /// <returns>Empty when missing; without the items that are no text.</returns>
    public IReadOnlyList<string> Texts(string name)
    {
        List<string> texts = [];
        foreach (var item in Items(name) ?? default)
        {
            if (QmpText.Of(item) is { } text)
            {
                texts.Add(text);
            }
            else
            {
                Note($"{_path}{name}[]", item);
            }
        }

        return texts;
    }

    /// <returns>Empty when missing; without the items that are no objects.</returns>
    public IReadOnlyList<ReplyReader> Objects(string name)
    {
        List<ReplyReader> objects = [];
        foreach (var item in Items(name) ?? default)
        {
            if (item.ValueKind == JsonValueKind.Object)
            {
                objects.Add(new ReplyReader($"{_path}{name}[{objects.Count}].", item, _unreadable));
            }
            else
            {
                Note($"{_path}{name}[]", item);
            }
        }

        return objects;
    }

    private JsonElement.ArrayEnumerator? Items(string name)
    {
        if (!Has(name, out var member))
        {
            return null;
        }

        if (member.ValueKind == JsonValueKind.Array)
        {
            return member.EnumerateArray();
        }

        Note($"{_path}{name}", member);
        return null;
    }

    private bool Has(string name, out JsonElement member)
    {
        member = default;
        try
        {
            return _reply.ValueKind == JsonValueKind.Object
                && _reply.TryGetProperty(name, out member)
                && member.ValueKind != JsonValueKind.Null;
        }
        catch (InvalidOperationException)
        {
            // The name of some member is no text (a lone surrogate), and looking for any name compares with it.
            Note($"{_path}{name}", _reply);
            return false;
        }
    }

    private T? NoteMember<T>(string name, JsonElement member)
        where T : struct
    {
        Note($"{_path}{name}", member);
        return null;
    }

    private void Note(string path, JsonElement what) =>
        _unreadable.Add($"{path}: {QmpText.Excerpt(what.ValueKind == JsonValueKind.Undefined ? "nothing" : what.GetRawText())}");
}
