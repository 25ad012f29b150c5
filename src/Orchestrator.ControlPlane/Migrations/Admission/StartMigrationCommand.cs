using System.Diagnostics.CodeAnalysis;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Admission;

/// <summary>A request to start a migration that has been found sound. There is no other way to make one.</summary>
internal sealed record StartMigrationCommand
{
    public const int MaxRequestedByCharacters = 500;
    private const int MaxClassCharacters = 63;

    private static readonly TimeSpan s_shortestDowntime = TimeSpan.FromMilliseconds(1);

    // QEMU's own bound of downtime-limit (qapi/migration.json).
    private static readonly TimeSpan s_longestDowntime = TimeSpan.FromSeconds(2000);
    private static readonly TimeSpan s_shortestDeadline = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestDeadline = TimeSpan.FromDays(7);
    private static readonly TimeSpan s_furthestStart = TimeSpan.FromDays(30);

    private StartMigrationCommand()
    {
    }

    /// <summary>Chosen by the caller, so that a repeated request is the same migration and not a second one.</summary>
    public required Guid MigrationId { get; init; }

    public required string GuestId { get; init; }

    /// <summary>Empty = placement chooses.</summary>
    public required string TargetHostId { get; init; }

    /// <summary>Empty = the default.</summary>
    public required string Policy { get; init; }

    /// <summary>0 = the newest.</summary>
    public required int PolicyRevision { get; init; }

    /// <summary>Null = the policy's.</summary>
    public required TimeSpan? MaxDowntime { get; init; }

    /// <summary>Null = none.</summary>
    public required TimeSpan? Deadline { get; init; }

    public required MigrationMode Mode { get; init; }

    /// <summary>0 = the policy's.</summary>
    public required long MaxBytesPerSecond { get; init; }

    public required string RequestedBy { get; init; }

    public required string PriorityClass { get; init; }

    /// <summary>Null = as soon as its turn comes.</summary>
    public required DateTimeOffset? NotBefore { get; init; }

    /// <summary>Tells the guest's owner first; null = as the guest's own terms say.</summary>
    public required NoticeTerms? Notice { get; init; }

    /// <summary>The evacuation that asks; null = a caller.</summary>
    public Guid? EvacuationId { get; init; }

    /// <summary>As it came, without what its message does not define.</summary>
    public required StartMigrationRequest Request { get; init; }

    public static bool TryParse(
        StartMigrationRequest request, DateTimeOffset now, [NotNullWhen(true)] out StartMigrationCommand? command, out Violations violations)
    {
        violations = new Violations();
        if (request.Policy.Length > 0)
        {
            violations.Name("policy", request.Policy);
        }

        if (request.Policy.Length == 0 && request.PolicyRevision != 0)
        {
            violations.Add("policy_revision", "must be 0 when no policy is named: the default has no revision to choose");
        }

        if (request.Mode is not (MigrationMode.Unspecified or MigrationMode.Live or MigrationMode.NonLive))
        {
            violations.Add("mode", $"must be MIGRATION_MODE_LIVE or MIGRATION_MODE_NON_LIVE, is {(int)request.Mode}");
        }

        var parsed = new StartMigrationCommand
        {
            MigrationId = violations.Uuid("migration_id", request.MigrationId),
            GuestId = violations.Name("guest_id", request.GuestId),
            TargetHostId = request.TargetHostId.Length > 0 ? violations.Name("target_host_id", request.TargetHostId) : "",
            Policy = request.Policy,
            PolicyRevision = (int)Math.Min(violations.Range("policy_revision", request.PolicyRevision, 0, int.MaxValue), int.MaxValue),
            MaxDowntime = violations.Duration("max_downtime", request.MaxDowntime, s_shortestDowntime, s_longestDowntime),
            Deadline = violations.Duration("deadline", request.Deadline, s_shortestDeadline, s_longestDeadline),
            Mode = request.Mode is MigrationMode.NonLive ? MigrationMode.NonLive : MigrationMode.Live,
            MaxBytesPerSecond = violations.Range("max_bytes_per_second", request.MaxBytesPerSecond, 0, long.MaxValue),
            RequestedBy = violations.Text("requested_by", request.RequestedBy, MaxRequestedByCharacters),
            PriorityClass = request.PriorityClass.Length > 0 ? violations.Text("priority_class", request.PriorityClass, MaxClassCharacters)
                : Orchestrator.Policy.Admission.AdmissionLimits.UsualClass,
            NotBefore = ReadNotBefore(violations, request.NotBefore, now),
            Notice = NoticeTermsParser.Parse("notice", request.Notice, violations),
            Request = request,
        };
        command = violations.Any ? null : parsed with
        {
            // Compared with the stored one when the request is repeated: the same mode said in two ways is the same request.
            Request = ProtoJson.Read<StartMigrationRequest>(ProtoJson.Write(new StartMigrationRequest(request) { Mode = parsed.Mode })),
        };
        return command is not null;
    }
    private static DateTimeOffset? ReadNotBefore(Violations violations, Timestamp? time, DateTimeOffset now)
    {
        if (time is null)
        {
            return null;
        }

        // A message from the wire may hold seconds and nanos that make no time.
        if (time.Nanos is < 0 or > 999_999_999 || time.Seconds < 0 || time.Seconds > (now + s_furthestStart).ToUnixTimeSeconds())
        {
            violations.Add("not_before", $"must be at most {s_furthestStart.TotalDays} d from now");
            return null;
        }

        return time.ToDateTimeOffset();
    }
}
