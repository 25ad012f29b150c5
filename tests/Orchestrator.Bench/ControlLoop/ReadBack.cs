using System.Collections.Concurrent;
using Orchestrator.Bench.Agents;
using Orchestrator.Bench.Load;
using Orchestrator.Bench.Measuring;
using Orchestrator.Bench.Results;
using Orchestrator.LocalFleet.Processes;
using Orchestrator.V1;

namespace Orchestrator.Bench.ControlLoop;

/// <summary>Holds what the control plane recorded against what the agents saw.</summary>
internal sealed class ReadBack(ControlPlaneServer controlPlane, ScriptedFleet agents, LedgerProbe ledger, LoadPlan plan, TimeProvider clock)
{
    private const int AtOnce = 8;
    private static readonly TimeSpan s_catchUpBound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(250);

    /// <summary>Every report of a source that was sent in the time span should have become a reading.</summary>
    public async Task<ReadingFigures> ReadingsAsync(long from, long to, CancellationToken cancellation)
    {
        var sent = plan.Migrations
            .Select(planned => (planned.MigrationId, Sequences: WireOf(planned)?.SentBetween(from, to) ?? []))
            .Where(each => each.Sequences.Count > 0)
            .ToList();
        var spans = sent.Select(each => new ReadingSpan(each.MigrationId, each.Sequences[0], each.Sequences[^1])).ToList();
        var caughtUp = await CatchUpAsync(spans, cancellation);
        var written = await ledger.CountReadingsAsync(spans, cancellation);
        var missing = sent.Select(each => each.Sequences.Count - written.GetValueOrDefault(each.MigrationId)).ToList();
        var reports = sent.Sum(each => (long)each.Sequences.Count);
        var seconds = clock.GetElapsedTime(from, to).TotalSeconds;
        return new ReadingFigures
        {
            ReportsSent = reports,
            ReportsSentPerS = reports / seconds,
            TakenIn = reports - missing.Sum(),
            TakenInPerS = (reports - missing.Sum()) / seconds,
            Missing = missing.Sum(),
            MissingShare = reports == 0 ? 0 : (double)missing.Sum() / reports,
            MigrationsWithMissing = missing.Count(count => count > 0),
            CaughtUpAfterS = caughtUp?.TotalSeconds,
        };
    }

    /// <summary>The decisions on reports that were sent in the time span.</summary>
    public async Task<DecisionFigures> DecisionsAsync(long from, long to, CancellationToken cancellation)
    {
        var found = new ConcurrentBag<SeenDecision>();
        await Parallel.ForEachAsync(
            plan.Migrations,
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation },
            async (planned, token) =>
            {
                if (WireOf(planned) is { } wire)
                {
                    foreach (var decision in await ListAsync(planned.MigrationId, token))
                    {
                        if (wire.SentAt(decision.ReadingSequence) is { } sentAt && sentAt >= from && sentAt <= to)
                        {
                            found.Add(new SeenDecision(decision, OnTheWire(decision, wire, sentAt)));
                        }
                    }
                }
            });
        return DecisionFigures.Of(found, clock.GetElapsedTime(from, to));
    }

    private async Task<IReadOnlyList<Decision>> ListAsync(Guid migrationId, CancellationToken cancellation)
    {
        List<Decision> decisions = [];
        var request = new ListDecisionsRequest { MigrationId = migrationId.ToString(), PageSize = 1000 };
        do
        {
            var page = await controlPlane.Migrations.ListDecisionsAsync(request, cancellationToken: cancellation);
            decisions.AddRange(page.Decisions);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return decisions;
    }

    /// <summary>Limits only rise, so a limit names the decision that its command carries out.</summary>
    private TimeSpan? OnTheWire(Decision decision, WireLog wire, long sentAt) =>
        decision.DowntimeLimit is { } limit && wire.LimitCameAt(limit.ToTimeSpan()) is { } cameAt ? clock.GetElapsedTime(sentAt, cameAt) : null;

    private WireLog? WireOf(PlannedMigration planned) => agents.Hosts[planned.Source].FindSource(planned.MigrationId.ToString())?.Wire;

    /// <returns>How long it took until the last report of the span had been written; null when it had not within the bound.</returns>
    private async Task<TimeSpan?> CatchUpAsync(IReadOnlyList<ReadingSpan> spans, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        while (clock.GetElapsedTime(began) < s_catchUpBound)
        {
            var last = await ledger.LastSequencesAsync(cancellation);
            if (spans.All(span => last.GetValueOrDefault(span.MigrationId) >= span.Last))
            {
                return clock.GetElapsedTime(began);
            }

            await Task.Delay(s_lookAgain, clock, cancellation);
        }

        return null;
    }
}

/// <param name="OnTheWire">From the report's leaving to the command's coming, at the agent; null for one that has not come yet.</param>
internal sealed record SeenDecision(Decision Decision, TimeSpan? OnTheWire);
