using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>A session's record in the words of the contract; numbers, sequence and events are put in by whoever has them.</summary>
internal static class SessionReport
{
    public static MigrationReport Of(SessionRecord record, GuestRunState runState, DateTimeOffset at)
    {
        var report = new MigrationReport
        {
            MigrationId = record.MigrationId.ToString(),
            GuestId = record.GuestId,
            Role = record.Role,
            Epoch = record.Epoch,
            At = at.ToTimestamp(),
            SessionState = record.State,
            Outcome = record.Outcome,
            EngineStatus = record.EngineStatus,
            RunState = runState.State,
            RunStateText = runState.Text,
            ErrorDescription = record.ErrorDescription,
            LastCommandId = record.LastCommandId,
            PausedToConverge = record.PausedToConverge,
            WasRunning = record.WasRunning,
            StoppedAt = record.StoppedAt?.ToTimestamp(),
            ResumedAt = record.ResumedAt?.ToTimestamp(),
            ListenUri = record.ListenUri,
            EngineVersion = record.EngineVersion,
            UnattendedDecisions = { record.LoneDecisions.Select(lone => lone.Decision) },
        };
        if (record.StartedAt is { } started)
        {
            var until = record.EndedAt ?? at;
            report.Elapsed = (until > started ? until - started : TimeSpan.Zero).ToDuration();
        }

        return report;
    }
}
