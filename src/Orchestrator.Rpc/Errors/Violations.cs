using System.Text.RegularExpressions;
using Google.Protobuf.WellKnownTypes;
using static Google.Rpc.BadRequest.Types;

namespace Orchestrator.Rpc.Errors;

/// <summary>
/// Collects everything that is wrong with one request, so that a caller can mend it in one go. The reading methods return a usable value
/// even when they find fault; whoever parses asks <see cref="Any"/> at the end.
/// </summary>
public sealed partial class Violations
{
    private readonly List<FieldViolation> _found = [];

    public IReadOnlyList<FieldViolation> Found => _found;

    public bool Any => _found.Count > 0;

    /// <param name="field">Path in proto names.</param>
    /// <param name="description">What is wrong and what is allowed; begins in lower case.</param>
    public void Add(string field, string description) =>
        _found.Add(new FieldViolation { Field = field, Description = description });

    /// <summary>A name chosen by a caller: 1 to 63 of a-z, 0-9, '-' and '.', starting and ending with a letter or digit.</summary>
    public string Name(string field, string text)
    {
        if (!NamePattern().IsMatch(text))
        {
            Add(field, "must be 1 to 63 of a-z, 0-9, '-' and '.', starting and ending with a letter or digit");
        }

        return text;
    }

    /// <summary>A UUID in its usual form with hyphens.</summary>
    public Guid Uuid(string field, string text)
    {
        if (Guid.TryParseExact(text, "D", out var id) && id != Guid.Empty)
        {
            return id;
        }

        Add(field, "must be a UUID such as 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d, not all zero");
        return Guid.Empty;
    }

    /// <summary>Free text of a bounded length.</summary>
    public string Text(string field, string text, int maxLength)
    {
        if (text.Length > maxLength)
        {
            Add(field, $"must be at most {maxLength} characters, has {text.Length}");
        }

        if (text.AsSpan().ContainsAny('\0', '\uFFFD'))
        {
            Add(field, "must not contain NUL or the replacement character");
        }

        return text;
    }

    /// <summary>A duration that may be absent.</summary>
    public TimeSpan? Duration(string field, Duration? duration, TimeSpan min, TimeSpan max)
    {
        if (duration is null)
        {
            return null;
        }

        // A message from the wire may hold seconds and nanos that make no duration.
        if (duration.Seconds is < -315_576_000_000 or > 315_576_000_000 || duration.Nanos is < -999_999_999 or > 999_999_999
            || (duration.Seconds != 0 && duration.Nanos != 0 && duration.Seconds < 0 != duration.Nanos < 0))
        {
            Add(field, "is no valid duration");
            return null;
        }

        var value = duration.ToTimeSpan();
        if (value < min || value > max)
        {
            Add(field, $"must be {Say(min)} to {Say(max)}, is {Say(value)}");
        }

        return value;
    }

    public TimeSpan RequiredDuration(string field, Duration? duration, TimeSpan min, TimeSpan max)
    {
        if (duration is null)
        {
            Add(field, $"is missing; {Say(min)} to {Say(max)}");
            return min;
        }

        return Duration(field, duration, min, max) ?? min;
    }

    public long Range(string field, ulong value, ulong min, ulong max)
    {
        if (value < min || value > max)
        {
            Add(field, $"must be {min} to {max}, is {value}");
        }

        return (long)Math.Min(value, long.MaxValue);
    }

    /// <summary>The page size: 0 means the usual one.</summary>
    public int PageSize(string field, uint asked, int usual, int max)
    {
        if (asked > max)
        {
            Add(field, $"must be at most {max}, is {asked}; 0 means {usual}");
        }

        return asked == 0 ? usual : (int)Math.Min(asked, (uint)max);
    }

    public void Count(string field, int count, int max)
    {
        if (count > max)
        {
            Add(field, $"must have at most {max} entries, has {count}");
        }
    }

    private static string Say(TimeSpan value) => value switch
    {
        { TotalDays: >= 1 } when value.Ticks % TimeSpan.TicksPerDay == 0 => FormattableString.Invariant($"{value.TotalDays} d"),
        { TotalSeconds: >= 1 or <= -1 } => FormattableString.Invariant($"{value.TotalSeconds:0.###} s"),
        _ => FormattableString.Invariant($"{value.TotalMilliseconds:0.###} ms"),
    };

    [GeneratedRegex(@"^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();
}
