using Google.Protobuf.Reflection;

namespace Orchestrator.Specs;

/// <summary>What a field's value means beyond its wire type. The contract's names carry the unit.</summary>
public static class FieldMeaning
{
    public static bool IsRate(FieldDescriptor field) => field.Name.EndsWith("bytes_per_second", StringComparison.Ordinal);

    public static bool IsSize(FieldDescriptor field) => field.Name.EndsWith("_bytes", StringComparison.Ordinal);

    /// <summary>The members but "unspecified", with their names less the prefix that all share: ACCELERATOR_TCG is "tcg".</summary>
    public static IEnumerable<(string Word, int Number)> Members(EnumDescriptor type)
    {
        var prefix = type.FindValueByNumber(0).Name[..^"UNSPECIFIED".Length];
        return type.Values.Where(value => value.Number != 0)
            .Select(value => (value.Name[prefix.Length..].ToLowerInvariant(), value.Number));
    }

    /// <param name="text">Its word or its proto name, in any case.</param>
    public static (string Word, int Number)? FindMember(EnumDescriptor type, string text)
    {
        foreach (var member in Members(type))
        {
            if (text.Equals(member.Word, StringComparison.OrdinalIgnoreCase)
                || text.Equals(type.FindValueByNumber(member.Number).Name, StringComparison.OrdinalIgnoreCase))
            {
                return member;
            }
        }

        return null;
    }
}
