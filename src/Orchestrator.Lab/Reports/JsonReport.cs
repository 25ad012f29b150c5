using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Orchestrator.Lab.Scores;

namespace Orchestrator.Lab.Reports;

/// <summary>Everything that was found, for a program. Times in seconds, amounts in bytes; what is not known is null.</summary>
internal static class JsonReport
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true,

        // It goes to files and pipes, not into web pages.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string Render(IReadOnlyList<LabRun> runs, IReadOnlyList<Standing> standings) => JsonSerializer.Serialize(
        new
        {
            Runs = runs.Select(run => new
            {
                Workload = run.Workload.Name,
                run.Policy,
                Oracle = new { Means = run.Oracle.Means.ToString(), Seconds = run.Oracle.Time?.TotalSeconds },
                End = run.Result.End.ToString(),
                Seconds = run.Result.TotalTime.TotalSeconds,
                OutageSeconds = run.Result.Outage?.TotalSeconds,
                PausedSeconds = run.Result.Paused.TotalSeconds,
                BudgetSeconds = run.Workload.Migration.MaxDowntime.TotalSeconds,
                DeadlineSeconds = run.Workload.Migration.Deadline.TotalSeconds,
                run.Result.Bytes,
                MemoryBytes = run.Workload.Migration.Guest.Memory,
                run.Result.Passes,
                SlowDownSeconds = run.Result.SlowDown.TotalSeconds,
                run.Result.PostCopyUsed,
                run.Sound,
            }),
            Policies = runs.GroupBy(run => run.Policy).Select(group => ScoreCard.Of(group.Key, [.. group])),
            Standings = standings.Select(standing => new
            {
                standing.Score,
                standing.Ours,
                BestPeer = standing.BestPeer.Name,
                BestPeerValue = standing.BestPeer.Value,
                standing.Aim,
                standing.Met,
            }),
        },
        s_options);
}
