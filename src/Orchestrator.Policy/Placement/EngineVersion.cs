using System.Globalization;

namespace Orchestrator.Policy.Placement;

/// <summary>
/// The dotted numbers at the head of a version text, e.g. 7.2.22 of "7.2.22 (Debian 1:7.2+dfsg-7)". No number = not known.
/// </summary>
internal readonly record struct EngineVersion : IComparable<EngineVersion>
{
    // More are never compared, and a number beyond nine digits is no version.
    private const int MostNumbers = 4;
    private const int MostDigits = 9;
    private const int SeriesNumbers = 2;
    private readonly int[]? _numbers;

    private EngineVersion(int[] numbers) => _numbers = numbers;

    private ReadOnlySpan<int> Numbers => _numbers;

    public static EngineVersion Parse(string text)
    {
        var start = text.AsSpan().IndexOfAnyInRange('0', '9');
        if (start < 0)
        {
            return default;
        }

        var numbers = new List<int>(MostNumbers);
        var rest = text.AsSpan(start);
        while (numbers.Count < MostNumbers)
        {
            var end = rest.IndexOfAnyExceptInRange('0', '9');
            var digits = end < 0 ? rest : rest[..end];
            if (digits.Length is 0 or > MostDigits)
            {
                break;
            }

            numbers.Add(int.Parse(digits, CultureInfo.InvariantCulture));
            if (end < 0 || rest[end] != '.')
            {
                break;
            }

            rest = rest[(end + 1)..];
        }

        return new EngineVersion([.. numbers]);
    }

    /// <summary>By the numbers that both have; never when one of them is not known.</summary>
    public bool IsOlderThan(EngineVersion other)
    {
        var common = Math.Min(Numbers.Length, other.Numbers.Length);
        return Numbers[..common].SequenceCompareTo(other.Numbers[..common]) < 0;
    }

    /// <summary>
    /// By major and minor alone. QEMU's stable releases (the third number) mend and add nothing to what a migration carries, and a fleet is
    /// upgraded host by host; see QEMU docs/devel/migration/compatibility.rst, which speaks of machine types, one for each major.minor.
    /// </summary>
    public bool IsOfOlderSeriesThan(EngineVersion other)
    {
        var common = Math.Min(SeriesNumbers, Math.Min(Numbers.Length, other.Numbers.Length));
        return Numbers[..common].SequenceCompareTo(other.Numbers[..common]) < 0;
    }

    /// <summary>A total order: what is not known comes first.</summary>
    public int CompareTo(EngineVersion other) => Numbers.SequenceCompareTo(other.Numbers);

    public bool Equals(EngineVersion other) => CompareTo(other) == 0;

    public override int GetHashCode() => Numbers.IsEmpty ? 0 : Numbers[0];
}
