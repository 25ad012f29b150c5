using System.Collections.Immutable;
using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Migrations.Following;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations.Progress;

/// <summary>Turns what a feed tells into lines of text: one for each change, and where wanted one a second for the readings.</summary>
/// <param name="many">Several migrations share the output: each line names its guest.</param>
/// <param name="withReadings">False where something else shows them.</param>
internal sealed class ProgressLines(bool many, bool withReadings)
{
    private static readonly TimeSpan s_readingEvery = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, Known> _migrations = new(StringComparer.Ordinal);
    private bool _catchingUp;

    public IReadOnlyCollection<MigrationView> Views => [.. _migrations.Values.Select(known => known.View)];

    public IReadOnlyList<string> After(FeedEvent happened) => happened switch
    {
        FeedEvent.Lost(var why, var delay) => Lost(why, delay),
        FeedEvent.Restored => Restored(),
        FeedEvent.Happened(var happening) => After(happening),
        _ => throw new UnreachableException($"No arm for {happened}."),
    };

    private string[] Lost(string why, TimeSpan delay)
    {
        _catchingUp = true;
        var retry = QuantityText.Duration(delay.ToDuration());
        return [$"connection lost ({why.TrimEnd('.')}); the migration goes on; trying again in {retry}"];
    }

    private string[] Restored()
    {
        // Which transitions were missed is not told again; the next snapshot of each shows where it stands.
        foreach (var id in _migrations.Keys.ToList())
        {
            _migrations[id] = _migrations[id] with { TellPhase = true };
        }

        var wasLost = _catchingUp;
        _catchingUp = false;
        return wasLost ? ["connected again"] : [];
    }

    private List<string> After(MigrationHappening happening)
    {
        var before = _migrations.GetValueOrDefault(happening.MigrationId) ?? new Known(MigrationView.Of(happening.MigrationId));
        var after = before with { View = before.View.After(happening) };
        List<string> lines = [];
        switch (happening.WhatCase)
        {
            case MigrationHappening.WhatOneofCase.Snapshot:
                if (before.TellPhase && before.View.Phase != after.View.Phase)
                {
                    lines.Add(before.View.Phase == MigrationPhase.Unspecified ? First(after.View) : Phase(after.View));
                }

                if (many && MigrationEnd.IsReached(after.View.Phase) && !MigrationEnd.IsReached(before.View.Migration.Phase))
                {
                    lines.AddRange(SummaryText.Render(after.View.Migration).TrimEnd().Split('\n'));
                }

                after = after with { TellPhase = false };
                break;
            case MigrationHappening.WhatOneofCase.Transition:
                var transition = happening.Transition;
                var reason = transition.Reason.Length > 0 ? ": " + transition.Reason : "";
                lines.Add($"{Moment.TimeOfDay(transition.At)}  {EnumText.Of(transition.To)}{reason}");
                break;
            case MigrationHappening.WhatOneofCase.Decision:
                after = Decided(after, happening.Decision, lines);
                break;
            case MigrationHappening.WhatOneofCase.Reading:
                if (withReadings && IsDue(before.Printed, happening.Reading))
                {
                    lines.Add($"{Moment.TimeOfDay(happening.Reading.At)}  {ReadingText.Line(after.View, happening.Reading)}");
                    after = after with { Printed = happening.Reading };
                }

                break;
            case MigrationHappening.WhatOneofCase.None:
                break;
        }

        _migrations[happening.MigrationId] = after;
        return many ? [.. lines.Select(line => $"{Name(after.View)}  {line}")] : lines;
    }

    private static Known Decided(Known known, Decision decision, List<string> lines)
    {
        var time = Moment.TimeOfDay(decision.At);
        if (!known.Decisions.Contains(decision.Sequence))
        {
            lines.Add($"{time}  {DecisionText.Line(decision)}");
        }

        if (decision.Outcome is DecisionOutcome.Refused or DecisionOutcome.Overtaken)
        {
            lines.Add($"{time}  decision {decision.Sequence} was {DecisionText.Outcome(decision)}");
        }

        return known with { Decisions = known.Decisions.Add(decision.Sequence) };
    }

    private static bool IsDue(Reading? printed, Reading reading) =>
        printed?.At is null || reading.At is null || reading.Round != printed.Round
        || reading.At.ToDateTimeOffset() - printed.At.ToDateTimeOffset() >= s_readingEvery;

    private static string First(MigrationView view)
    {
        var migration = view.Migration;
        return $"{Moment.TimeOfDay(migration.PhaseSince)}  {EnumText.Of(migration.Phase)}: "
            + $"guest {migration.GuestId} from {migration.SourceHostId} to {migration.TargetHostId}, "
            + $"downtime at most {ReadingText.Budget(migration)}, policy {migration.Policy} revision {migration.PolicyRevision}, "
            + $"migration {migration.MigrationId}";
    }

    private static string Phase(MigrationView view) => $"{Moment.TimeOfDay(view.Migration.PhaseSince)}  {EnumText.Of(view.Phase)}";

    private static string Name(MigrationView view) =>
        view.Migration.GuestId.Length > 0 ? view.Migration.GuestId : view.Migration.MigrationId;

    private sealed record Known(MigrationView View)
    {
        /// <summary>The next snapshot is news: the first, or the first after an outage.</summary>
        public bool TellPhase { get; init; } = true;

        public Reading? Printed { get; init; }

        public ImmutableHashSet<uint> Decisions { get; init; } = [];
    }
}
