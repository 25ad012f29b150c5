using System.Collections.Concurrent;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.V1;
using MigrationPhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>
/// Every running migration has one supervisor here. One that fails in a way nobody planned, or whose database was away for too long, is
/// begun anew from the ledger under a higher epoch.
/// </summary>
internal sealed partial class MigrationSupervisors(
    MigrationStore migrations, PolicyStore policies, MigrationPost post, SupervisionEdges edges,
    ILogger<MigrationSupervisors> logger) : IHostedService, IDisposable
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<Guid, Running> _running = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _killing = new();

    /// <summary>True while this process commands the migration.</summary>
    public bool Supervises(Guid migrationId) => _running.ContainsKey(migrationId);

    /// <summary>
    /// At the start: takes over every migration that has not ended. Nothing is started over; commands without an answer are sent again and
    /// both agents are asked.
    /// </summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var adopted = await migrations.AdoptAllAsync(cancellationToken);
        var commands = await edges.Store.ListCommandsAsync([.. adopted.Select(migration => migration.MigrationId)], cancellationToken);
        foreach (var migration in adopted)
        {
            Begin(migration, commands[migration.MigrationId]);
        }

        if (adopted.Count > 0)
        {
            LogTookOver(adopted.Count);
        }
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await using var limit = cancellationToken.Register(_killing.Cancel);
        await Task.WhenAll(_running.Values.Select(running => running.Loop));
    }

    public void Dispose()
    {
        _stopping.Dispose();
        _killing.Dispose();
    }

    /// <summary>Supervises a migration that was just admitted under this process's epoch. One that is supervised already stays so.</summary>
    public void Begin(Migration migration) => Begin(migration, []);

    /// <summary>
    /// Takes up a migration that was admitted and never begun: the process, or its connection, went away between the two.
    /// </summary>
    public async Task BeginIfForgottenAsync(Migration migration, CancellationToken cancellation)
    {
        if (migration.Phase is MigrationPhase.Requested && !Supervises(migration.MigrationId)
            && await migrations.AdoptAsync(migration.MigrationId, cancellation) is { } adopted)
        {
            Begin(adopted);
        }
    }

    /// <returns>Ended for a migration that nobody supervises here.</returns>
    public async Task<WishAnswer> AskAsync(Guid migrationId, CallerWish wish, CancellationToken cancellation)
    {
        if (!_running.TryGetValue(migrationId, out var running))
        {
            return new WishAnswer(WishOutcome.Ended, null);
        }

        return running.Mailbox.TryPut(wish) ? await wish.Answer.WaitAsync(cancellation) : new WishAnswer(WishOutcome.NotAnswered, null);
    }

    private void Begin(Migration migration, IEnumerable<StoredCommand> commands)
    {
        if (_stopping.IsCancellationRequested || migration.HasEnded)
        {
            return;
        }

        // Whoever adds the entry runs the loop; the loop takes the entry away.
        var mailbox = new Lazy<MigrationMailbox>(() => post.Open(migration));
        var running = new Running(mailbox, new Lazy<Task>(() => Task.Run(() => RunAsync(migration, [.. commands], mailbox.Value))));
        if (_running.TryAdd(migration.MigrationId, running))
        {
            _ = running.Loop;
        }
    }

    private async Task RunAsync(Migration migration, IReadOnlyList<StoredCommand> commands, MigrationMailbox mailbox)
    {
        var current = migration;
        Migration? last = null;
        try
        {
            while (last is null && !_stopping.IsCancellationRequested)
            {
                try
                {
                    var charge = await ChargeAsync(current, commands, mailbox);
                    await using var supervisor = new MigrationSupervisor(charge, edges);
                    last = await supervisor.RunAsync(_stopping.Token, _killing.Token);
                }
                catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
                {
                    // Everything that was begun is written down; whoever starts next goes on.
                }
                catch (Exception failure) when (failure is not OutOfMemoryException)
                {
                    LogFailure(migration.MigrationId, failure);
                    (current, commands) = await AdoptAnewAsync(current, commands);
                    last = current.HasEnded ? current : null;
                }
            }
        }
        finally
        {
            _running.TryRemove(migration.MigrationId, out _);
            post.Close(migration.MigrationId);
            edges.Feed.Forget(migration.MigrationId);
            mailbox.Close(last is { HasEnded: true } ? new WishAnswer(WishOutcome.Ended, last) : new WishAnswer(WishOutcome.NotAnswered, null));
        }
    }

    /// <summary>Reads the migration anew and raises its epoch, for as long as that takes.</summary>
    private async Task<(Migration Migration, IReadOnlyList<StoredCommand> Commands)> AdoptAnewAsync(
        Migration before, IReadOnlyList<StoredCommand> commands)
    {
        while (!_stopping.IsCancellationRequested)
        {
            await Task.Delay(s_pause, edges.Beat.Clock, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                if (await migrations.AdoptAsync(before.MigrationId, _stopping.Token) is not { } adopted)
                {
                    return (await migrations.FindAsync(before.MigrationId, _stopping.Token) ?? before, commands);
                }

                var written = await edges.Store.ListCommandsAsync([before.MigrationId], _stopping.Token);
                return (adopted, [.. written[before.MigrationId]]);
            }
            catch (NpgsqlException outage)
            {
                LogDatabase(before.MigrationId, outage.Message);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                break;
            }
        }

        return (before, commands);
    }

    /// <summary>Read after the migration was adopted: whoever commanded it before writes nothing any more.</summary>
    private async Task<MigrationCharge> ChargeAsync(Migration migration, IEnumerable<StoredCommand> commands, MigrationMailbox mailbox)
    {
        var policy = await policies.FindAsync(migration.Policy, migration.PolicyRevision, _stopping.Token)
            ?? throw new InvalidDataException($"Policy {migration.Policy} revision {migration.PolicyRevision} is not in the ledger.");
        var ofAgent = migration.LastDecision == 0 ? 0
            : await edges.History.CountDecisionsAsync(migration.MigrationId, DecisionOrigin.Agent, _stopping.Token);
        return new MigrationCharge(migration, PolicyInForce.Of(policy), commands, mailbox, ofAgent);
    }

    private void LogFailure(Guid migrationId, Exception failure)
    {
        if (failure is NpgsqlException outage && DatabaseGate.IsTransient(outage))
        {
            LogDatabase(migrationId, outage.Message);
        }
        else
        {
            LogFailed(migrationId, failure);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Took over {Count} migrations that had not ended.")]
    private partial void LogTookOver(int count);

    [LoggerMessage(2, LogLevel.Error, "Migration {MigrationId}: its supervisor failed in a way nobody planned; beginning anew from the ledger.")]
    private partial void LogFailed(Guid migrationId, Exception failure);

    [LoggerMessage(3, LogLevel.Warning, "Migration {MigrationId}: the database does not answer ({Problem}); beginning anew when it does.")]
    private partial void LogDatabase(Guid migrationId, string problem);

    private sealed record Running(Lazy<MigrationMailbox> Post, Lazy<Task> Run)
    {
        public MigrationMailbox Mailbox => Post.Value;

        public Task Loop => Run.Value;
    }
}
