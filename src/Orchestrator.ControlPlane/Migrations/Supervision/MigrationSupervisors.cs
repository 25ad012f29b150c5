using System.Collections.Concurrent;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.ControlPlane.Replicas;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>
/// Every migration that this replica commands has one supervisor here, while the replica has a lease. One that fails in a way nobody
/// planned, or whose database was away for too long, is begun anew from the ledger under a higher epoch.
/// </summary>
internal sealed partial class MigrationSupervisors(
    MigrationClaims claims, PolicyStore policies, MigrationPost post, SupervisionEdges edges, ILogger<MigrationSupervisors> logger)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<Guid, Running> _running = new();
    private readonly Lock _gate = new();
    private Shift? _shift;

    /// <summary>True while this process commands the migration.</summary>
    public bool Supervises(Guid migrationId) => _running.ContainsKey(migrationId);

    public IReadOnlyCollection<Guid> Supervised() => [.. _running.Keys];

    /// <summary>From here on migrations may be begun.</summary>
    public void Open()
    {
        lock (_gate)
        {
            _shift = (_shift ?? new Shift(new CancellationTokenSource(), new CancellationTokenSource())) with { Tenure = edges.Lease.Current };
        }
    }

    /// <summary>Ends all supervisors between two steps; nothing can be begun until <see cref="Open"/>.</summary>
    /// <param name="atOnce">Also within a step; what one was about to write is written or not, never half.</param>
    public async Task CloseAsync(CancellationToken atOnce)
    {
        Shift? shift;
        lock (_gate)
        {
            shift = _shift;
            _shift = null;
        }

        if (shift is null)
        {
            return;
        }

        await shift.Stopping.CancelAsync();
        await using var limit = atOnce.Register(shift.Killing.Cancel);
        await Task.WhenAll(_running.Values.Select(running => running.Loop));
        shift.Stopping.Dispose();
    }

    /// <summary>
    /// Takes up migrations that were claimed or adopted. Nothing is started over: commands without an answer are sent again, and both
    /// agents are told who commands now.
    /// </summary>
    public async Task TakeUpAsync(IReadOnlyList<Migration> migrations, CancellationToken cancellation)
    {
        if (migrations.Count == 0)
        {
            return;
        }

        // A host may have been readmitted, and been given these, before this replica has heard of it.
        await edges.Agents.ForgetReadmittedAsync(cancellation);
        var commands = await edges.Store.ListCommandsAsync([.. migrations.Select(migration => migration.MigrationId)], cancellation);
        foreach (var migration in migrations)
        {
            Begin(migration, commands[migration.MigrationId], takenOver: true);
        }

        LogTookOver(migrations.Count);
    }

    /// <summary>What admission has given a migration; one that is not supervised here reads it when it is taken up.</summary>
    public void Tell(Guid migrationId, MigrationSlot slot)
    {
        if (_running.TryGetValue(migrationId, out var running))
        {
            running.Mailbox.Offer(slot);
        }
    }

    /// <returns>Ended without a migration for one that nobody supervises here.</returns>
    public async Task<WishAnswer> AskAsync(Guid migrationId, CallerWish wish, CancellationToken cancellation)
    {
        if (!_running.TryGetValue(migrationId, out var running))
        {
            return new WishAnswer(WishOutcome.Ended, null);
        }

        return running.Mailbox.TryPut(wish) ? await wish.Answer.WaitAsync(cancellation) : new WishAnswer(WishOutcome.NotAnswered, null);
    }

    private void Begin(Migration migration, IEnumerable<StoredCommand> commands, bool takenOver)
    {
        lock (_gate)
        {
            if (_shift is not { } shift || migration.HasEnded || migration.ReplicaId != edges.Lease.ReplicaId)
            {
                return;
            }

            // Whoever adds the entry runs the loop; the loop takes the entry away.
            var mailbox = new Lazy<MigrationMailbox>(() => post.Open(migration));
            var running = new Running(
                mailbox, new Lazy<Task>(() => Task.Run(() => RunAsync(migration, [.. commands], takenOver, mailbox.Value, shift))));
            if (_running.TryAdd(migration.MigrationId, running))
            {
                _ = running.Loop;
            }
        }
    }

    private async Task RunAsync(
        Migration migration, IReadOnlyList<StoredCommand> commands, bool takenOver, MigrationMailbox mailbox, Shift shift)
    {
        var (stopping, killing) = (shift.Stopping.Token, shift.Killing.Token);
        Migration? current = migration;
        Migration? last = null;
        try
        {
            while (current is not null && last is null && !stopping.IsCancellationRequested)
            {
                try
                {
                    var charge = await ChargeAsync(current, commands, mailbox, stopping) with { TakenOver = takenOver, Tenure = shift.Tenure };
                    await using var supervisor = new MigrationSupervisor(charge, edges);
                    last = await supervisor.RunAsync(stopping, killing);
                }
                catch (OperationCanceledException) when (stopping.IsCancellationRequested)
                {
                    // Everything that was begun is written down; whoever commands next goes on.
                }
                catch (Exception failure) when (failure is not OutOfMemoryException)
                {
                    LogFailure(migration.MigrationId, failure, killing);
                    (current, commands) = await AdoptAnewAsync(migration.MigrationId, commands, stopping);
                    takenOver = true;
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
    /// <returns>Null when it has ended, another replica has it, or it is time to stop.</returns>
    private async Task<(Migration? Migration, IReadOnlyList<StoredCommand> Commands)> AdoptAnewAsync(
        Guid migrationId, IReadOnlyList<StoredCommand> commands, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            await Task.Delay(s_pause, edges.Beat.Clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                if (await claims.AdoptAsync(migrationId, edges.Lease.ReplicaId, stopping) is not { } adopted)
                {
                    return (null, commands);
                }

                var written = await edges.Store.ListCommandsAsync([migrationId], stopping);
                return (adopted, [.. written[migrationId]]);
            }
            catch (NpgsqlException outage)
            {
                LogDatabase(migrationId, outage.Message);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                break;
            }
        }

        return (null, commands);
    }

    /// <summary>Read after the migration was adopted: whoever commanded it before writes nothing any more.</summary>
    private async Task<MigrationCharge> ChargeAsync(
        Migration migration, IReadOnlyList<StoredCommand> commands, MigrationMailbox mailbox, CancellationToken cancellation)
    {
        var policy = await policies.FindAsync(migration.Policy, migration.PolicyRevision, cancellation)
            ?? throw new InvalidDataException($"Policy {migration.Policy} revision {migration.PolicyRevision} is not in the ledger.");
        var ofAgent = migration.LastDecision == 0 ? 0
            : await edges.History.CountDecisionsAsync(migration.MigrationId, DecisionOrigin.Agent, cancellation);
        return new MigrationCharge(migration, PolicyInForce.Of(policy), commands, mailbox, ofAgent)
        {
            Known = await edges.Conditions.ReadAsync(migration, commands.Any(command => command.Request.StartSource is not null), cancellation),
        };
    }

    private void LogFailure(Guid migrationId, Exception failure, CancellationToken killing)
    {
        // A statement that was cut off in its middle says so in many ways.
        if (killing.IsCancellationRequested || (failure is NpgsqlException outage && DatabaseGate.IsTransient(outage)))
        {
            LogDatabase(migrationId, failure.Message);
        }
        else
        {
            LogFailed(migrationId, failure);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Took over {Count} migrations.")]
    private partial void LogTookOver(int count);

    [LoggerMessage(2, LogLevel.Error, "Migration {MigrationId}: its supervisor failed in a way nobody planned; beginning anew from the ledger.")]
    private partial void LogFailed(Guid migrationId, Exception failure);

    [LoggerMessage(3, LogLevel.Warning, "Migration {MigrationId}: the database does not answer ({Problem}); beginning anew when it does.")]
    private partial void LogDatabase(Guid migrationId, string problem);

    /// <summary>From one lease to its end.</summary>
    private sealed record Shift(CancellationTokenSource Stopping, CancellationTokenSource Killing)
    {
        public Tenure? Tenure { get; init; }
    }

    private sealed record Running(Lazy<MigrationMailbox> Post, Lazy<Task> Run)
    {
        public MigrationMailbox Mailbox => Post.Value;

        public Task Loop => Run.Value;
    }
}
