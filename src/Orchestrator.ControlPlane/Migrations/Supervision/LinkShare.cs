using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.Policy;
using Orchestrator.V1;
using MigrationPhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>Brings a source to what its copy may take, when admission has shared the links anew since it was last told.</summary>
internal static class LinkShare
{
    /// <param name="now"><see cref="TimeProvider.GetTimestamp"/>.</param>
    /// <returns>Null when the source knows, or does not copy.</returns>
    public static RecordChange? Change(Migration migration, CommandBook book, CopyTrack track, long now) =>
        migration.Phase is MigrationPhase.Copying && book.CommandedRate is { } commanded && commanded != migration.RateCap
            ? new RecordChange(track.Save(migration))
            {
                Decision = new DecisionDraft(Word(migration, commanded, track), null, now),
                Commands = [Decisions.Adjust(migration, new AdjustSource { MaxBytesPerSecond = (ulong)migration.RateCap })],
            }
            : null;

    private static Decision Word(Migration migration, long before, CopyTrack track) => new()
    {
        Action = DecisionAction.SetBandwidth,
        Origin = DecisionOrigin.Admission,
        Rule = "admission.share",
        Reason = $"the links are shared anew: it may take {Rate(migration.RateCap)}, it was {Rate(before)}",
        Elapsed = track.Elapsed.ToDuration(),
        ReadingSequence = track.Latest?.Sequence ?? 0,
        BandwidthBytesPerSecond = (ulong)migration.RateCap,
        Inputs =
        {
            ["share_bytes_per_second"] = Invariant(migration.Slot?.BandwidthShare ?? 0),
            ["cap_bytes_per_second"] = Invariant(migration.MaxBytesPerSecond),
            ["before_bytes_per_second"] = Invariant(before),
        },
    };

    private static string Rate(long rate) => rate == 0 ? "as much as it can" : new DataRate(rate).ToString();

    private static string Invariant(long number) => number.ToString(CultureInfo.InvariantCulture);
}
