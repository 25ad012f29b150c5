using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace Orchestrator.Cli.Rendering;

/// <summary>Points in time, always UTC, so that lines of several machines compare.</summary>
internal static class Moment
{
    public static string Text(Timestamp? moment) =>
        moment is null ? "" : moment.ToDateTime().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static string TimeOfDay(Timestamp? moment) =>
        moment is null ? "--:--:--Z" : moment.ToDateTime().ToString("HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
