using System.Text.RegularExpressions;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using Quartz;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>Reads when a schedule fires; what it begins is read by whoever begins it. A caller hears of everything at once.</summary>
internal sealed partial class ScheduleSpecParser
{
    private const int MaxBlackouts = 32;
    private const int MaxCronCharacters = 200;
    private const string CronForm =
        "six or seven fields, seconds first, as Quartz reads them: \"0 0 2 ? * SAT\" is Saturdays at two";

    private static readonly TimeSpan s_shortestWindow = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_longestWindow = TimeSpan.FromDays(7);
    private static readonly TimeSpan s_longestGrace = TimeSpan.FromHours(24);
    private static readonly TimeSpan s_usualGrace = TimeSpan.FromMinutes(10);
    private static readonly DateTimeOffset s_earliest = DateTimeOffset.UnixEpoch;
    private static readonly DateTimeOffset s_latest = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Violations _violations;
    private readonly string _path;
    private TimeZoneInfo _zone = TimeZoneInfo.Utc;

    private ScheduleSpecParser(Violations violations, string path) => (_violations, _path) = (violations, path);

    /// <param name="violations">Paths are proto names below the spec, after <paramref name="path"/> and a dot.</param>
    /// <returns>Of use only when there are no violations.</returns>
    public static ScheduleTerms Parse(ScheduleSpec spec, Violations violations, string path) =>
        new ScheduleSpecParser(violations, path).Terms(spec);

    /// <summary>Of a spec that the store gave: it was sound when it was written.</summary>
    /// <exception cref="InvalidOperationException">It is not any more: a time zone that this machine does not know.</exception>
    public static ScheduleTerms ParseStored(ScheduleSpec spec)
    {
        var violations = new Violations();
        var terms = Parse(spec, violations, "spec");
        return violations.Any
            ? throw new InvalidOperationException(string.Join("; ", violations.Found.Select(found => $"{found.Field} {found.Description}")))
            : terms;
    }

    private ScheduleTerms Terms(ScheduleSpec spec)
    {
        _zone = Zone(spec.TimeZone);
        _violations.Count($"{_path}.blackouts", spec.Blackouts.Count, MaxBlackouts);
        var terms = new ScheduleTerms
        {
            At = spec.WhenCase is ScheduleSpec.WhenOneofCase.At ? Moment($"{_path}.at", spec.At) : null,
            Cron = spec.WhenCase is ScheduleSpec.WhenOneofCase.Cron ? Cron($"{_path}.cron", spec.Cron) : null,
            Blackouts = [.. spec.Blackouts.Take(MaxBlackouts).Select(Blackout).OfType<BlackoutTerms>()],
            Window = _violations.Duration($"{_path}.window", spec.Window, s_shortestWindow, s_longestWindow),
            MisfireGrace = _violations.Duration($"{_path}.misfire_grace", spec.MisfireGrace, TimeSpan.Zero, s_longestGrace) ?? s_usualGrace,
        };
        if (spec.WhenCase is ScheduleSpec.WhenOneofCase.None)
        {
            _violations.Add($"{_path}.when", "is missing: give at, a time, or cron, " + CronForm);
        }

        if (terms.At is { } at && terms.BlackoutAt(at) is { } blackout)
        {
            _violations.Add($"{_path}.at", $"falls into the blackout {blackout}, so it would never fire");
        }

        return terms;
    }

    private BlackoutTerms? Blackout(Blackout blackout, int index)
    {
        var path = $"{_path}.blackouts[{index}]";
        var once = blackout.From is not null || blackout.Until is not null;
        var recurring = blackout.Cron.Length > 0 || blackout.Duration is not null;
        if (once == recurring)
        {
            _violations.Add(path, "must have either from and until, or cron and duration");
            return null;
        }

        if (recurring)
        {
            var duration = _violations.RequiredDuration($"{path}.duration", blackout.Duration, s_shortestWindow, s_longestWindow);
            return Cron($"{path}.cron", blackout.Cron) is { } cron ? new BlackoutTerms.Recurring(cron, duration) : null;
        }

        var from = Moment($"{path}.from", blackout.From);
        var until = Moment($"{path}.until", blackout.Until);
        if (until <= from)
        {
            _violations.Add($"{path}.until", "must be after from");
        }

        return from is { } begins && until is { } ends ? new BlackoutTerms.Once(begins, ends) : null;
    }

    private CronExpression? Cron(string field, string text)
    {
        if (text.Length > MaxCronCharacters)
        {
            _violations.Add(field, $"must be at most {MaxCronCharacters} characters, has {text.Length}");
            return null;
        }

        var fields = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
        if (fields is not (6 or 7))
        {
            _violations.Add(field, $"has {fields} fields; it must have {CronForm}");
            return null;
        }

        try
        {
            return CronExpression.Parse(text).WithTimeZone(_zone);
        }
        catch (Exception wrong) when (wrong is FormatException or ArgumentException)
        {
            _violations.Add(field, $"is no cron expression ({wrong.Message.TrimEnd('.')}); it must have {CronForm}");
            return null;
        }
    }

    private TimeZoneInfo Zone(string name)
    {
        if (name.Length == 0)
        {
            return TimeZoneInfo.Utc;
        }

        // A name is a path below the folder of zones: no other file is read.
        if (name.Length <= 64 && ZonePattern().IsMatch(name) && TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone))
        {
            return zone;
        }

        _violations.Add($"{_path}.time_zone", "is no time zone that is known here; it must be an IANA name such as \"Europe/Berlin\", or empty for UTC");
        return TimeZoneInfo.Utc;
    }

    /// <summary>To the microsecond, as the database keeps it: a due time that was read back must be the one that was written.</summary>
    private DateTimeOffset? Moment(string field, Timestamp? timestamp)
    {
        if (timestamp is null)
        {
            _violations.Add(field, "is missing");
            return null;
        }

        if (timestamp.Nanos is < 0 or > 999_999_999
            || timestamp.Seconds < s_earliest.ToUnixTimeSeconds() || timestamp.Seconds >= s_latest.ToUnixTimeSeconds())
        {
            _violations.Add(field, $"must be a time from {s_earliest:yyyy} until {s_latest:yyyy}");
            return null;
        }

        var moment = timestamp.ToDateTimeOffset();
        return moment.AddTicks(-(moment.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    [GeneratedRegex(@"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex ZonePattern();
}
