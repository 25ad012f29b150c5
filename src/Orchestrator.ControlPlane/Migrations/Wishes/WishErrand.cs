using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Migrations.Ledger;

namespace Orchestrator.ControlPlane.Migrations.Wishes;

/// <summary>Brings a wish to whichever replica commands the migration, by way of the table, and waits for the answer.</summary>
internal sealed class WishErrand(
    WishPost wishes, WishDesk desk, MigrationStore migrations, IOptions<MigrationOptions> options, TimeProvider clock)
{
    // A lost notification costs no more than this.
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromMilliseconds(500);

    public async Task<WishAnswer> RunAsync(Guid migrationId, CallerWish wish, CancellationToken cancellation)
    {
        var stored = StoredWish.Of(migrationId, wish);
        var began = clock.GetTimestamp();
        using var ear = desk.Listen(migrationId);
        await wishes.Store.PutAsync(stored, clock.GetUtcNow(), cancellation);
        while (true)
        {
            var outcome = await wishes.Store.FindAnswerAsync(stored, cancellation);
            var migration = await migrations.FindAsync(migrationId, cancellation);
            if (outcome is { } answered)
            {
                return new WishAnswer(answered, migration);
            }

            if (migration is not { HasEnded: false })
            {
                return new WishAnswer(WishOutcome.Ended, migration);
            }

            if (clock.GetElapsedTime(began) >= options.Value.WishWithin)
            {
                return new WishAnswer(WishOutcome.CommanderSilent, migration);
            }

            await ear.WaitAsync(s_lookEvery, clock, cancellation);
        }
    }
}
