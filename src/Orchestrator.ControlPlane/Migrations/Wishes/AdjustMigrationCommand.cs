using System.Diagnostics.CodeAnalysis;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Wishes;

/// <summary>A request to change a running migration that has been found sound. There is no other way to make one.</summary>
internal sealed record AdjustMigrationCommand
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(1);

    // QEMU's own bound of downtime-limit (qapi/migration.json).
    private static readonly TimeSpan s_longestLimit = TimeSpan.FromSeconds(2000);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromHours(1);

    private AdjustMigrationCommand()
    {
    }

    public required Guid MigrationId { get; init; }

    /// <summary>Chosen by the caller: the same one again is the same change.</summary>
    public required Guid RequestId { get; init; }

    public required Adjustment Adjustment { get; init; }

    /// <summary>As it goes to another replica: with the policy's revision resolved.</summary>
    public required AdjustMigrationRequest Request { get; init; }

    /// <summary>The policy it is to change to has been found.</summary>
    public AdjustMigrationCommand To(StoredPolicy policy)
    {
        var request = Request.Clone();
        request.SwitchPolicy = new SwitchPolicy { Policy = policy.Name, Revision = (uint)policy.Revision };
        return this with
        {
            Request = request,
            Adjustment = new Adjustment.SwitchPolicy(policy.Name, policy.Revision, PolicyInForce.Of(policy)),
        };
    }

    public static bool TryParse(
        AdjustMigrationRequest request, [NotNullWhen(true)] out AdjustMigrationCommand? command, out Violations violations)
    {
        violations = new Violations();
        var parsed = new AdjustMigrationCommand
        {
            MigrationId = violations.Uuid("migration_id", request.MigrationId),
            RequestId = violations.Uuid("request_id", request.RequestId),
            Adjustment = Parse(request, violations),
            Request = request,
        };
        command = violations.Any ? null : parsed;
        return command is not null;
    }

    private static Adjustment Parse(AdjustMigrationRequest request, Violations violations)
    {
        switch (request.ChangeCase)
        {
            case AdjustMigrationRequest.ChangeOneofCase.SwitchPolicy:
                var name = violations.Name("switch_policy.policy", request.SwitchPolicy.Policy);
                var revision = violations.Range("switch_policy.revision", request.SwitchPolicy.Revision, 0, int.MaxValue);
                return new Adjustment.SwitchPolicy(name, (int)Math.Min(revision, int.MaxValue), null);
            case AdjustMigrationRequest.ChangeOneofCase.SetBandwidth:
                return new Adjustment.SetBandwidth(violations.Range("set_bandwidth", request.SetBandwidth, 0, long.MaxValue));
            case AdjustMigrationRequest.ChangeOneofCase.PauseNow:
                return new Adjustment.PauseNow(violations.RequiredDuration("pause_now", request.PauseNow, s_shortest, s_longestPause));
            case AdjustMigrationRequest.ChangeOneofCase.PostCopyNow:
                return new Adjustment.PostCopyNow();
            case AdjustMigrationRequest.ChangeOneofCase.RaiseLimit:
                return new Adjustment.RaiseLimit(violations.RequiredDuration("raise_limit", request.RaiseLimit, s_shortest, s_longestLimit));
            case AdjustMigrationRequest.ChangeOneofCase.None:
            default:
                violations.Add("change", "is missing; give switch_policy, set_bandwidth, pause_now, post_copy_now or raise_limit");
                return new Adjustment.PostCopyNow();
        }
    }
}

/// <summary>What is to change. Closed.</summary>
internal abstract record Adjustment
{
    private Adjustment()
    {
    }

    /// <param name="Revision">0 = the newest, until it is resolved.</param>
    /// <param name="Policy">Null until it is resolved.</param>
    internal sealed record SwitchPolicy(string Name, int Revision, PolicyInForce? Policy) : Adjustment;

    /// <param name="BytesPerSecond">0 = no cap.</param>
    internal sealed record SetBandwidth(long BytesPerSecond) : Adjustment;

    internal sealed record PauseNow(TimeSpan MaxPause) : Adjustment;

    internal sealed record PostCopyNow : Adjustment;

    internal sealed record RaiseLimit(TimeSpan Limit) : Adjustment;
}
