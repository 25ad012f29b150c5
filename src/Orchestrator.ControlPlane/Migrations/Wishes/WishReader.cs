using Orchestrator.ControlPlane.Policies;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Wishes;

/// <summary>Makes of a stored wish what a supervisor takes.</summary>
internal sealed class WishReader(PolicyStore policies)
{
    /// <returns>Null for one that this release cannot read.</returns>
    public async Task<CallerWish?> ReadAsync(StoredWish wish, CancellationToken cancellation)
    {
        if (wish.Kind is WishKind.Cancel)
        {
            return new CallerWish.Cancel(ProtoJson.Read<CancelMigrationRequest>(wish.Request).Reason);
        }

        if (!AdjustMigrationCommand.TryParse(ProtoJson.Read<AdjustMigrationRequest>(wish.Request), out var command, out _))
        {
            return null;
        }

        return command.Adjustment is not Adjustment.SwitchPolicy to ? new CallerWish.Adjust(command)
            : await policies.FindAsync(to.Name, to.Revision, cancellation) is { } policy ? new CallerWish.Adjust(command.To(policy))
            : null;
    }
}
