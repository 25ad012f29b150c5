using System.Globalization;
using Grpc.Core;
using Orchestrator.ControlPlane.Migrations.Admission;
using Orchestrator.ControlPlane.Migrations.Replaying;
using Orchestrator.ControlPlane.Migrations.Watching;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations;

/// <summary>Parses, asks, answers. Decides nothing.</summary>
internal sealed class MigrationGrpcService(
    MigrationAdmission admission, MigrationWishes wishes, MigrationReadout readout, MigrationWatch watch, MigrationHindsight hindsight)
    : MigrationService.MigrationServiceBase
{
    private const int MaxReasonCharacters = 500;

    public override async Task<StartMigrationResponse> StartMigration(StartMigrationRequest request, ServerCallContext context)
    {
        if (!StartMigrationCommand.TryParse(request, admission.Now, out var command, out var violations))
        {
            throw Refusal.InvalidRequest(violations);
        }

        var result = await admission.AdmitAsync(command, context.CancellationToken);
        return result.Outcome is AdmissionOutcome.Admitted or AdmissionOutcome.AdmittedBefore && result.Migration is { } migration
            ? new StartMigrationResponse { Migration = readout.Word(migration) }
            : throw MigrationErrors.Of(result, command);
    }

    public override async Task<GetMigrationResponse> GetMigration(GetMigrationRequest request, ServerCallContext context)
    {
        var migrationId = ReadId(request.MigrationId);
        return await readout.FindAsync(migrationId, context.CancellationToken) ?? throw MigrationErrors.Unknown(migrationId);
    }

    public override Task<ListMigrationsResponse> ListMigrations(ListMigrationsRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var query = ReadFilter(request.Filter, violations);
        var size = violations.PageSize("page_size", request.PageSize, 100, 1000);
        var before = MigrationReadout.ReadKey(violations, request.PageToken);
        Refuse(violations);
        return readout.ListAsync(query, before, size, context.CancellationToken);
    }

    public override async Task WatchMigration(
        WatchMigrationRequest request, IServerStreamWriter<WatchMigrationResponse> responseStream, ServerCallContext context)
    {
        var migrationId = ReadId(request.MigrationId);
        var found = await watch.FollowAsync(
            migrationId,
            happening => responseStream.WriteAsync(new WatchMigrationResponse { Happening = happening }, context.CancellationToken),
            context.CancellationToken);
        if (!found)
        {
            throw MigrationErrors.Unknown(migrationId);
        }
    }

    public override Task WatchMigrations(
        WatchMigrationsRequest request, IServerStreamWriter<WatchMigrationsResponse> responseStream, ServerCallContext context)
    {
        var violations = new Violations();
        var query = ReadFilter(request.Filter, violations);
        Refuse(violations);
        return watch.FollowAsync(
            query,
            happening => responseStream.WriteAsync(new WatchMigrationsResponse { Happening = happening }, context.CancellationToken),
            context.CancellationToken);
    }

    public override async Task<CancelMigrationResponse> CancelMigration(CancelMigrationRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var migrationId = violations.Uuid("migration_id", request.MigrationId);
        var reason = violations.Text("reason", request.Reason, MaxReasonCharacters);
        Refuse(violations);
        return new CancelMigrationResponse
        {
            Migration = Granted(migrationId, await wishes.CancelAsync(migrationId, reason, context.CancellationToken)),
        };
    }

    public override async Task<AdjustMigrationResponse> AdjustMigration(AdjustMigrationRequest request, ServerCallContext context)
    {
        if (!AdjustMigrationCommand.TryParse(request, out var command, out var violations))
        {
            throw Refusal.InvalidRequest(violations);
        }

        var result = await wishes.AdjustAsync(command, context.CancellationToken);
        return result.PolicyUnknown
            ? throw MigrationErrors.PolicyUnknown(request.SwitchPolicy.Policy, request.SwitchPolicy.Revision)
            : new AdjustMigrationResponse { Migration = Granted(command.MigrationId, result.Answer) };
    }

    public override async Task<ListDecisionsResponse> ListDecisions(ListDecisionsRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var migrationId = violations.Uuid("migration_id", request.MigrationId);
        var size = violations.PageSize("page_size", request.PageSize, 100, 1000);
        var token = PageToken.Read(violations, "page_token", request.PageToken);
        var after = 0;
        if (token.Length > 0 && !int.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out after))
        {
            violations.Add("page_token", "is no token of an earlier page");
        }

        Refuse(violations);
        return await readout.ListDecisionsAsync(migrationId, after, size, context.CancellationToken)
            ?? throw MigrationErrors.Unknown(migrationId);
    }

    public override async Task<ListReadingsResponse> ListReadings(ListReadingsRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var migrationId = violations.Uuid("migration_id", request.MigrationId);
        var size = violations.PageSize("page_size", request.PageSize, 1000, 5000);
        var after = MigrationReadout.ReadReadingKey(violations, request.PageToken);
        Refuse(violations);
        return await readout.ListReadingsAsync(migrationId, after, size, context.CancellationToken)
            ?? throw MigrationErrors.Unknown(migrationId);
    }

    public override async Task<ReplayMigrationResponse> ReplayMigration(ReplayMigrationRequest request, ServerCallContext context)
    {
        if (!ReplayMigrationCommand.TryParse(request, out var command, out var violations))
        {
            throw Refusal.InvalidRequest(violations);
        }

        var result = await hindsight.ReplayAsync(command, context.CancellationToken);
        return result.Response ?? throw (result.Refusal switch
        {
            ReplayRefusal.MigrationUnknown => MigrationErrors.Unknown(command.MigrationId),
            ReplayRefusal.PolicyUnknown => MigrationErrors.PolicyUnknown(result.Policy, (uint)result.Revision),
            ReplayRefusal.ReadingsGone or null => MigrationErrors.ReadingsGone(command.MigrationId),
        });
    }

    public override Task<ListCalibrationsResponse> ListCalibrations(ListCalibrationsRequest request, ServerCallContext context) =>
        hindsight.ListCalibrationsAsync(context.CancellationToken);

    private V1.Migration Granted(Guid migrationId, WishAnswer? answer) => answer switch
    {
        null => throw MigrationErrors.Unknown(migrationId),
        { Outcome: WishOutcome.Granted, Migration: { } migration } => readout.Word(migration),
        { Outcome: WishOutcome.PastPointOfNoReturn } => throw MigrationErrors.PastPointOfNoReturn(migrationId),
        { Outcome: WishOutcome.Ended } => throw MigrationErrors.Ended(migrationId),
        { Outcome: WishOutcome.NotCopying } => throw MigrationErrors.NotCopying(migrationId),
        { Outcome: WishOutcome.LimitAboveBudget, Migration: { } migration } =>
            throw MigrationErrors.LimitAboveBudget(migrationId, migration.MaxDowntime),
        { Outcome: WishOutcome.PostCopyImpossible } => throw MigrationErrors.PostCopyImpossible(migrationId),
        { Outcome: WishOutcome.CommanderSilent } => throw MigrationErrors.CommanderSilent(migrationId),
        _ => throw MigrationErrors.NotAnswered(migrationId),
    };

    private static MigrationQuery ReadFilter(MigrationFilter? filter, Violations violations)
    {
        filter ??= new MigrationFilter();
        if (filter.GuestId.Length > 0)
        {
            violations.Name("filter.guest_id", filter.GuestId);
        }

        if (filter.HostId.Length > 0)
        {
            violations.Name("filter.host_id", filter.HostId);
        }

        var phases = new List<Policy.Lifecycle.MigrationPhase>();
        foreach (var phase in filter.Phases.Distinct())
        {
            if (MigrationMessages.Phase(phase) is { } known)
            {
                phases.Add(known);
            }
            else
            {
                violations.Add("filter.phases", $"has {(int)phase}, which is no phase");
            }
        }

        return new MigrationQuery(filter.GuestId, filter.HostId, phases, filter.RunningOnly);
    }

    private static Guid ReadId(string text)
    {
        var violations = new Violations();
        var migrationId = violations.Uuid("migration_id", text);
        Refuse(violations);
        return migrationId;
    }

    private static void Refuse(Violations violations)
    {
        if (violations.Any)
        {
            throw Refusal.InvalidRequest(violations);
        }
    }
}
