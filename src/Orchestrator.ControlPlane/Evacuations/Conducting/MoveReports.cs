using System.Collections.Concurrent;
using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.Policy;
using Orchestrator.Policy.Evacuation;
using Orchestrator.V1;
using EvacuationState = Orchestrator.Policy.Evacuation.EvacuationState;
using GuestTreatment = Orchestrator.Policy.Evacuation.GuestTreatment;
using MigrationPhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Evacuations.Conducting;

/// <summary>How the attempts that are under way stand, from the ledger of migrations.</summary>
internal sealed class MoveReports(MigrationHistory history, TimeProvider clock)
{
    private static readonly TimeSpan s_recent = TimeSpan.FromMinutes(1);

    public static async Task<IReadOnlyList<MoveRow>> ReadAsync(
        NpgsqlConnection connection, Guid evacuationId, EvacuationState state, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT m.migration_id AS MigrationId, m.phase, m.phase_since AS PhaseSince, m.listen_uri AS ListenUri, m.undoing, m.notice_until AS NoticeUntil,
                   m.failure_message AS FailureMessage, m.attention_message AS AttentionMessage, m.latest_reading::text AS LatestReading,
                   EXISTS (SELECT FROM migration_slots s WHERE s.migration_id = m.migration_id) AS HasSlot
              FROM migrations m
             WHERE m.migration_id = ANY (@ids)
            """;
        var ids = state.Guests.Where(guest => guest.IsUnderWay).Select(guest => EvacuationMoves.IdOf(evacuationId, guest.GuestId, guest.Attempts));
        return (await connection.QueryAsync<MoveRow>(new CommandDefinition(Sql, new { ids = ids.ToArray() }, cancellationToken: cancellation))).AsList();
    }

    public async Task<IReadOnlyList<MoveReport>> WordAsync(
        EvacuationCharter charter, Evacuation evacuation, IReadOnlyList<MoveRow> rows, RefusedAttempts refused, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var known = rows.ToDictionary(row => row.MigrationId);
        var copying = rows.Where(row => row.Phase == nameof(MigrationPhase.Copying)).Select(row => row.MigrationId).ToList();
        var readings = copying.Count == 0 ? null : await history.ListLatestReadingsAsync(copying, now - s_recent, cancellation);
        List<MoveReport> reports = [];
        foreach (var guest in evacuation.State.Guests.Where(guest => guest.IsUnderWay))
        {
            var id = EvacuationMoves.IdOf(evacuation.EvacuationId, guest.GuestId, guest.Attempts);
            if (known.TryGetValue(id, out var row) && charter.Terms.Of(guest.GuestId).Treatment is not GuestTreatment.Restart)
            {
                reports.Add(Word(guest, row, readings?.GetValueOrDefault(id), now));
            }
            else if (refused.Why(guest.GuestId, guest.Attempts) is { } why)
            {
                reports.Add(new MoveReport { GuestId = guest.GuestId, Attempt = guest.Attempts, Progress = MoveProgress.Failed, Message = why });
            }
        }

        return reports;
    }

    private static MoveReport Word(GuestStanding guest, MoveRow row, Reading? latest, DateTimeOffset now)
    {
        var phase = Enum.Parse<MigrationPhase>(row.Phase);
        var reading = latest ?? (row.LatestReading is { } text ? ProtoJson.Read<Reading>(text) : null);
        return new MoveReport
        {
            GuestId = guest.GuestId,
            Attempt = guest.Attempts,
            Progress = Progress(phase, row),
            Message = phase is MigrationPhase.NeedsAttention ? row.AttentionMessage : row.FailureMessage,
            Remaining = phase is MigrationPhase.Copying && reading is not null ? Size(reading.RemainingBytes) : null,
            Rate = phase is MigrationPhase.Copying && reading is { BandwidthBytesPerSecond: > 0 }
                ? new DataRate(Size(reading.BandwidthBytesPerSecond).Bytes) : null,
            TransferringFor = phase is MigrationPhase.Copying ? now - new DateTimeOffset(row.PhaseSince, TimeSpan.Zero) : TimeSpan.Zero,
            AwaitsOwner = row.NoticeUntil is { } until && new DateTimeOffset(until, TimeSpan.Zero) > now,
            CancelAsked = row.Undoing,
        };
    }

    private static MoveProgress Progress(MigrationPhase phase, MoveRow row) => phase switch
    {
        MigrationPhase.Requested or MigrationPhase.Queued => row.HasSlot ? MoveProgress.Preparing : MoveProgress.Queued,
        MigrationPhase.Preparing => row.ListenUri.Length > 0 ? MoveProgress.Prepared : MoveProgress.Preparing,
        MigrationPhase.Copying => MoveProgress.Transferring,

        // While it is undone nothing can be done about it, as with those that switch over.
        MigrationPhase.SwitchingOver or MigrationPhase.PostCopy or MigrationPhase.PostCopyPaused or MigrationPhase.Verifying
            or MigrationPhase.Cancelling => MoveProgress.Finishing,
        MigrationPhase.Completed => MoveProgress.Completed,
        MigrationPhase.Cancelled => MoveProgress.Cancelled,
        MigrationPhase.Failed => MoveProgress.Failed,
        MigrationPhase.NeedsAttention => MoveProgress.NeedsAttention,
    };

    private static DataSize Size(ulong bytes) => new((long)Math.Min(bytes, long.MaxValue));
}

/// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
internal sealed record MoveRow(
    Guid MigrationId,
    string Phase,
    DateTime PhaseSince,
    string ListenUri,
    bool Undoing,
    DateTime? NoticeUntil,
    string FailureMessage,
    string AttentionMessage,
    string? LatestReading,
    bool HasSlot);

/// <summary>
/// Attempts that were refused, of which the ledger knows nothing. Lost with the process, which does no harm: whoever conducts next asks
/// again and is refused again, or is not.
/// </summary>
internal sealed class RefusedAttempts
{
    private readonly ConcurrentDictionary<string, (int Attempt, string Why)> _refused = new(StringComparer.Ordinal);

    public string? Why(string guestId, int attempt) =>
        _refused.TryGetValue(guestId, out var refused) && refused.Attempt == attempt ? refused.Why : null;

    public void Add(string guestId, int attempt, string why) => _refused[guestId] = (attempt, why);
}
