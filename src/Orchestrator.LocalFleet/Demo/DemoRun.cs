using System.Diagnostics;
using Orchestrator.LocalFleet.Processes;
using Orchestrator.V1;
using Spectre.Console;

namespace Orchestrator.LocalFleet.Demo;

/// <summary>Moves a live guest between two hosts in front of the user.</summary>
internal sealed class DemoRun(DemoOptions options, IAnsiConsole console, TimeProvider clock)
{
    private const string GuestId = "demo";
    private const ulong Mebibyte = 1024 * 1024;

    public async Task<DemoResult> RunAsync(string folder, CancellationToken cancellation)
    {
        var plan = new FleetPlan
        {
            Folder = folder,
            Hosts = [new HostPlan("host-a", "127.0.0.1", options.QemuProgram), new HostPlan("host-b", "127.0.0.2", options.QemuProgram)],
        };
        await using var fleet = await Fleet.StartAsync(plan, Say, clock, cancellation);
        await StartGuestAsync(fleet, cancellation);
        await using var moving = await MovingGuest.ListenAsync(GuestId, fleet.Agent("host-a"), fleet.Agent("host-b"), clock, cancellation);
        var beat = await moving.Source.WaitForBeatAsync(heartbeat => heartbeat.Round >= 2, cancellation);
        Say($"The guest is alive on host-a: heartbeat {beat.Counter}, {beat.DirtiedMebibytes} MiB dirtied, {beat.BadPages} pages bad");

        var migrationId = Guid.NewGuid().ToString();
        Say($"Migrating it to host-b under policy '{options.Policy}', at most {options.BudgetMilliseconds} ms of downtime");
        await MigrateAsync(fleet, migrationId, cancellation);

        var migration = (await fleet.ControlPlane.Migrations.GetMigrationAsync(
            new GetMigrationRequest { MigrationId = migrationId }, cancellationToken: cancellation)).Migration;
        if (migration.Phase == MigrationPhase.Completed)
        {
            // Long enough for a page that was lost to be found: every page is looked at once a round.
            var target = await moving.TargetAsync(cancellation);
            var arrived = (await target.WaitForBeatAsync(_ => true, cancellation)).Round;
            await target.WaitForBeatAsync(heartbeat => heartbeat.Round >= arrived + 2, cancellation);
        }

        var decisions = await fleet.ControlPlane.Migrations.ListDecisionsAsync(
            new ListDecisionsRequest { MigrationId = migrationId, PageSize = 1000 }, cancellationToken: cancellation);
        return DemoResult.From(migration, decisions.Decisions, moving.Trace());
    }

    private async Task StartGuestAsync(Fleet fleet, CancellationToken cancellation)
    {
        Say($"Booting a guest of {options.MemoryMebibytes} MiB on host-a that rewrites {options.WorkingSetMebibytes} MiB "
            + (options.DirtyMebibytesPerSecond == 0 ? "as fast as it can" : $"at {options.DirtyMebibytesPerSecond} MiB/s"));
        await fleet.ControlPlane.Guests.DefineGuestAsync(
            new DefineGuestRequest
            {
                GuestId = GuestId,
                Spec = new MachineSpec
                {
                    MemoryBytes = (ulong)options.MemoryMebibytes * Mebibyte,
                    Accelerator = Accelerator.Tcg,
                    BootGuest = new V1.BootGuest
                    {
                        WorkingSetBytes = (ulong)options.WorkingSetMebibytes * Mebibyte,
                        DirtyBytesPerSecond = (ulong)options.DirtyMebibytesPerSecond * Mebibyte,
                    },
                },
            },
            cancellationToken: cancellation);
        await fleet.ControlPlane.Guests.StartGuestAsync(
            new StartGuestRequest { GuestId = GuestId, HostId = "host-a" }, cancellationToken: cancellation);
    }

    /// <summary>The product's own client shows the progress, as it would to anybody.</summary>
    private async Task MigrateAsync(Fleet fleet, string migrationId, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList =
            {
                Path.Combine(AppContext.BaseDirectory, "migctl.dll"),
                "--server", fleet.ControlPlane.Endpoint.GetLeftPart(UriPartial.Authority),
                "migrate", GuestId, "host-b",
                "--id", migrationId,
                "--policy", options.Policy,
                "--max-downtime", $"{options.BudgetMilliseconds}ms",
                "--requested-by", "demo",
            },
        };
        if (options.BandwidthMebibytesPerSecond > 0)
        {
            start.ArgumentList.Add("--bandwidth");
            start.ArgumentList.Add($"{options.BandwidthMebibytesPerSecond}MiB/s");
        }

        using var client = Process.Start(start) ?? throw new FleetException("migctl could not be started.");
        try
        {
            await client.WaitForExitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            client.Kill();
            throw;
        }
    }

    private void Say(string line) => console.MarkupLineInterpolated($"[blue]==>[/] {line}");
}
