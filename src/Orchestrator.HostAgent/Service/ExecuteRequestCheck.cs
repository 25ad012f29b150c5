using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using Orchestrator.PolicyMessages;
using Orchestrator.Rpc.Errors;
using CommandCase = Orchestrator.Agent.V1.ExecuteRequest.CommandOneofCase;

namespace Orchestrator.HostAgent.Service;

/// <summary>Holds a command against what agent.proto allows, before it reaches a session.</summary>
internal static partial class ExecuteRequestCheck
{
    // QEMU's own bound of downtime-limit (qapi/migration.json).
    private static readonly TimeSpan s_longestDowntime = TimeSpan.FromSeconds(2000);

    /// <returns>The command with defaults filled in; of use only when nothing was added to <paramref name="violations"/>.</returns>
    public static ExecuteRequest Check(ExecuteRequest given, Violations violations)
    {
        violations.Uuid("migration_id", given.MigrationId);
        if (given.CommandCase == CommandCase.Attend != (given.CommandId == 0))
        {
            violations.Add("command_id", "must be 1 or more, and 0 for attend");
        }

        if (given.ReplicaId.Length > 0)
        {
            violations.Uuid("replica_id", given.ReplicaId);
        }

        var request = given.Clone();
        switch (request.CommandCase)
        {
            case CommandCase.PrepareTarget:
                CheckPrepare(request.PrepareTarget, violations);
                break;
            case CommandCase.StartSource:
                CheckStart(request.StartSource, violations);
                break;
            case CommandCase.AdjustSource:
                CheckAdjust(request.AdjustSource, violations);
                break;
            case CommandCase.PauseSource:
                violations.Duration("pause_source.max_pause", request.PauseSource.MaxPause, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1));
                break;
            case CommandCase.RecoverTarget:
                violations.Range("recover_target.port", request.RecoverTarget.Port, 0, ushort.MaxValue);
                break;
            case CommandCase.RecoverSource:
                MigrationUri("recover_source.target_uri", request.RecoverSource.TargetUri, violations);
                break;
            case CommandCase.None:
                violations.Add("command", "is missing");
                break;
            case CommandCase.ResumeSource or CommandCase.StartPostCopy or CommandCase.CancelSource
                or CommandCase.HandOverTarget or CommandCase.FinishSource or CommandCase.FinishTarget or CommandCase.AbandonTarget
                or CommandCase.AbandonSource or CommandCase.Attend:
                break;
        }

        return request;
    }

    private static void CheckPrepare(PrepareTarget prepare, Violations violations)
    {
        violations.Name("prepare_target.guest_id", prepare.GuestId);
        violations.Range("prepare_target.port", prepare.Port, 0, ushort.MaxValue);
        prepare.Spec = MachineSpecCheck.Check("prepare_target.spec", prepare.Spec, violations);
        prepare.Terms ??= new TransferTerms();
    }

    private static void CheckStart(StartSource start, Violations violations)
    {
        violations.Name("start_source.guest_id", start.GuestId);
        MigrationUri("start_source.target_uri", start.TargetUri, violations);
        violations.RequiredDuration("start_source.downtime_limit", start.DowntimeLimit, TimeSpan.FromMilliseconds(1), s_longestDowntime);
        if (start.TargetAgentEndpoint.Length > 0
            && !(Uri.TryCreate(start.TargetAgentEndpoint, UriKind.Absolute, out var endpoint) && endpoint.Scheme == Uri.UriSchemeHttp))
        {
            violations.Add("start_source.target_agent_endpoint", "must be http://ADDRESS:PORT, or empty for no hand-over from agent to agent");
        }

        start.Terms ??= new TransferTerms();
        CheckUnattended("start_source.unattended", start.Unattended, violations);
    }

    private static void CheckUnattended(string field, UnattendedTerms? terms, Violations violations)
    {
        if (terms is null)
        {
            return;
        }

        violations.Duration($"{field}.silence", terms.Silence, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
        violations.RequiredDuration($"{field}.max_downtime", terms.MaxDowntime, TimeSpan.FromMilliseconds(1), s_longestDowntime);
        violations.Duration($"{field}.deadline", terms.Deadline, TimeSpan.Zero, TimeSpan.FromDays(30));
        violations.Duration($"{field}.overhead_typical", terms.OverheadTypical, TimeSpan.Zero, s_longestDowntime);
        violations.Duration($"{field}.overhead_high", terms.OverheadHigh, TimeSpan.Zero, s_longestDowntime);
        violations.Range($"{field}.line_bytes_per_second", terms.LineBytesPerSecond, 0, long.MaxValue);
        PolicyDocumentParser.Parse(terms.Document, out var inDocument);
        foreach (var found in inDocument.Found)
        {
            violations.Add($"{field}.document.{found.Field}", found.Description);
        }
    }

    private static void CheckAdjust(AdjustSource adjust, Violations violations)
    {
        violations.Duration("adjust_source.downtime_limit", adjust.DowntimeLimit, TimeSpan.FromMilliseconds(1), s_longestDowntime);
        CheckUnattended("adjust_source.unattended", adjust.Unattended, violations);
        if (adjust.Throttle is { } throttle)
        {
            violations.Range("adjust_source.throttle.initial_percent", throttle.InitialPercent, 1, 99);
            violations.Range("adjust_source.throttle.increment_percent", throttle.IncrementPercent, 1, 99);
            violations.Range("adjust_source.throttle.max_percent", throttle.MaxPercent, Math.Min(throttle.InitialPercent, 99), 99);
        }
    }

    /// <summary>Only plain addresses: QEMU's other forms run commands (exec:) or write files (file:).</summary>
    private static void MigrationUri(string field, string uri, Violations violations)
    {
        if (!(MigrationUriPattern().Match(uri) is { Success: true } parts
            && IPAddress.TryParse(parts.Groups["host"].ValueSpan.Trim("[]"), out _)
            && ushort.TryParse(parts.Groups["port"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0))
        {
            violations.Add(field, "must be tcp:IP-ADDRESS:PORT, IPv6 in brackets");
        }
    }

    [GeneratedRegex(@"^tcp:(?<host>\[[0-9A-Fa-f:.]+\]|[0-9.]+):(?<port>[0-9]{1,5})\z", RegexOptions.CultureInvariant)]
    private static partial Regex MigrationUriPattern();
}
