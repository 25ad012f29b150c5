using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Replaying;

/// <summary>What a replay looks up of one migration.</summary>
internal sealed class ReplayLedger(
    MigrationStore migrations, MigrationHistory history, ProgressStore progress, IOptions<MigrationOptions> options, TimeProvider clock)
{
    /// <summary>
    /// Readings taken at most, about half a kilobyte of memory each: fourteen hours of a copy that is reported on four times a second.
    /// </summary>
    private const int MostReadings = 200_000;

    private const int Page = 5000;

    public Task<Migration?> FindAsync(Guid migrationId, CancellationToken cancellation) => migrations.FindAsync(migrationId, cancellation);

    public async Task<IReadOnlyList<StoredCommand>> ListCommandsAsync(Guid migrationId, CancellationToken cancellation) =>
        [.. (await progress.ListCommandsAsync([migrationId], cancellation))[migrationId]];

    /// <returns>When the engine was started; null when it never was.</returns>
    public async Task<DateTimeOffset?> FindBeginningAsync(Guid migrationId, CancellationToken cancellation) =>
        (await history.ListTransitionsAsync(migrationId, cancellation))
            .FirstOrDefault(transition => transition.To is MigrationPhase.Copying)?.At.ToDateTimeOffset();

    public async Task<IReadOnlyList<Decision>> ListDecisionsAsync(Guid migrationId, CancellationToken cancellation)
    {
        List<Decision> all = [];
        IReadOnlyList<Decision> page;
        do
        {
            page = await history.ListDecisionsAsync(migrationId, (int)(all.LastOrDefault()?.Sequence ?? 0), Page, cancellation);
            all.AddRange(page);
        }
        while (page.Count == Page);

        return all;
    }

    /// <param name="began">Of the copy.</param>
    /// <returns>The oldest first; none when the first of them may be gone already.</returns>
    public async Task<IReadOnlyList<Reading>> ListReadingsAsync(Guid migrationId, DateTimeOffset began, CancellationToken cancellation)
    {
        if (began.UtcDateTime.Date < (clock.GetUtcNow() - options.Value.KeepReadings).UtcDateTime.Date)
        {
            return [];
        }

        // A replica's clock may lag behind the one that wrote the transition.
        var after = new ReadingKey(began.AddDays(-1), 0);
        List<Reading> all = [];
        IReadOnlyList<Reading> page;
        do
        {
            page = await history.ListReadingsAsync(migrationId, after, Page, cancellation);
            all.AddRange(page);
            after = page is [.., var last] ? new ReadingKey(last.At.ToDateTimeOffset(), (long)last.Sequence) : after;
        }
        while (page.Count == Page && all.Count < MostReadings);

        return all;
    }
}
