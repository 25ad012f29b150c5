using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace Orchestrator.Specs;

/// <summary>Points in time, always UTC, so that lines of several machines compare.</summary>
public static class Moment
{
    public static string Text(Timestamp? moment) =>
        moment is null ? "" : moment.ToDateTime().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>How a moment is written in files and options.</summary>
    public const string Form = "a time such as 2026-11-21T02:00:00Z or 2026-11-21T03:00:00+01:00";

    // What says no offset would mean another moment on another machine.
    private static readonly string[] s_forms = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd' 'HH:mm:ssK"];

    public static bool TryParse(string text, [NotNullWhen(true)] out Timestamp? moment)
    {
        var stated = text.EndsWith('Z') || (text.Length > 6 && text[^6] is '+' or '-' && text[^3] == ':');
        moment = stated && DateTimeOffset.TryParseExact(text, s_forms, CultureInfo.InvariantCulture, DateTimeStyles.None, out var parsed)
            ? parsed.ToTimestamp()
            : null;
        return moment is not null;
    }

    /// <summary>Reads back as the same moment.</summary>
    public static string Exact(Timestamp moment) =>
        moment.ToDateTime().ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);

    public static string TimeOfDay(Timestamp? moment) =>
        moment is null ? "--:--:--Z" : moment.ToDateTime().ToString("HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
