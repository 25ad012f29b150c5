using Grpc.Core;
using Orchestrator.BootGuest;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios;

/// <summary>Migrations that cannot be, and the guest that must not notice.</summary>
[Collection(FleetScenarios.Name)]
public class RefusalScenarios(ScenarioFleet fleet)
{
    [Fact]
    public async Task SecondMigrationOfTheSameGuest_IsRefused_TheSameRequestIsNot()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var request = guest.Request(await fleet.PolicyAsync(Doubling(30)), 30);
        await guest.MigrateAsync(request);
        await guest.AwaitPhaseAsync(request.MigrationId, MigrationPhase.Copying);

        Assert.Equal("GUEST_ALREADY_MIGRATING", await ReasonAsync(guest.Request("suspend-if-needed", 500)));
        await guest.MigrateAsync(request);
        var changed = request.Clone();
        changed.MaxDowntime = Milliseconds(31);
        Assert.Equal("MIGRATION_EXISTS", await ReasonAsync(changed));

        await fleet.ControlPlane.Migrations.CancelMigrationAsync(new CancelMigrationRequest { MigrationId = request.MigrationId });
        await guest.AwaitEndAsync(request.MigrationId);
        await guest.AssertStayedAsync();
    }

    [Fact]
    public async Task UnknownAndUnsuitableParts_AreNamed()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Light);
        Assert.Equal("GUEST_UNKNOWN", await ReasonAsync(With(guest, request => request.GuestId = "nobody")));
        Assert.Equal("TARGET_UNKNOWN", await ReasonAsync(With(guest, request => request.TargetHostId = "nowhere")));
        Assert.Equal("POLICY_UNKNOWN", await ReasonAsync(With(guest, request => request.Policy = "none-such")));
        Assert.Equal("POLICY_UNKNOWN", await ReasonAsync(With(guest, request => request.PolicyRevision = 99)));
        Assert.Equal("TARGET_IS_SOURCE", await ReasonAsync(With(guest, request => request.TargetHostId = "host-a")));
        Assert.Equal("POST_COPY_IMPOSSIBLE", await ReasonAsync(With(guest, request =>
        {
            request.Policy = "post-copy";
            request.Mode = MigrationMode.NonLive;
        })));

        await fleet.ControlPlane.Hosts.CordonHostAsync(new CordonHostRequest { HostId = "host-b", Reason = "test" });
        try
        {
            Assert.Equal("TARGET_CORDONED", await ReasonAsync(guest.Request("suspend-if-needed", 500)));
        }
        finally
        {
            await fleet.ControlPlane.Hosts.UncordonHostAsync(new UncordonHostRequest { HostId = "host-b" });
        }

        await guest.AssertStayedAsync();
        var id = await guest.MigrateAsync("suspend-if-needed", 1000);
        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
    }

    [Fact]
    public async Task TargetCannotBuildTheMachine_ItsEnginesWordsAreShown()
    {
        // The kernel is there when the guest starts and gone when the target wants it: a machine the target cannot build.
        var kernel = Path.Combine(fleet.Fleet.Plan.Folder, "kernel.elf");
        File.Copy(BootGuestImage.Path, kernel, overwrite: true);
        var spec = ScenarioGuest.Spec(Load.Light);
        spec.Kernel = new DirectKernel
        {
            Path = kernel,
            CommandLine = new BootGuestOptions { WorkingSetMebibytes = 8, Pace = new DirtyPace.Steady(4) }.ToCommandLine(),
        };
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Light, spec);
        File.Delete(kernel);

        var migration = await guest.AwaitEndAsync(await guest.MigrateAsync("suspend-if-needed", 1000));

        Assert.Equal(MigrationPhase.Failed, migration.Phase);
        Assert.Equal(FailureReason.TargetRefused, migration.FailureReason);
        Assert.Contains("kernel", migration.FailureMessage, StringComparison.OrdinalIgnoreCase);
        await guest.AssertStayedAsync();
    }

    [Fact]
    public async Task TargetHasNotEnoughMemory_ItWaitsAndBothNumbersAreSaid()
    {
        await using var guest = await StartLargeAsync();
        await fleet.WithHostBAsync("Agent:MemoryOvercommit", "0.1", async () =>
        {
            var id = await guest.MigrateAsync("suspend-if-needed", 1000);
            var waiting = await guest.AwaitAsync(id, migration => migration.Standing?.Reasons is [{ Cause: WaitCause.TargetUnfit } reason, ..]
                && reason.Message.Contains("GiB", StringComparison.Ordinal));
            Assert.Equal("host-b", waiting.Standing.Reasons[0].Subject);
            Assert.Matches(@"needs 3 GiB, [\d.]+ [GM]iB of [\d.]+ GiB are free", waiting.Standing.Reasons[0].Message);

            await fleet.ControlPlane.Migrations.CancelMigrationAsync(new CancelMigrationRequest { MigrationId = id });
            Assert.Equal(MigrationPhase.Cancelled, (await guest.AwaitEndAsync(id)).Phase);
            await guest.AssertStayedAsync();
        });
    }

    [Fact]
    public async Task TargetHasLessMemoryThanItSays_ItsAgentRefusesAndBothNumbersAreSaid()
    {
        await using var guest = await StartLargeAsync();
        var settings = new Dictionary<string, string> { ["Agent:MemoryOvercommit"] = "0.1", ["Agent:MemoryAllocatable"] = "100GiB" };
        await fleet.WithHostBAsync(settings, async () =>
        {
            var migration = await guest.AwaitEndAsync(await guest.MigrateAsync("suspend-if-needed", 1000));
            Assert.Equal(MigrationPhase.Failed, migration.Phase);
            Assert.Equal(FailureReason.TargetRefused, migration.FailureReason);
            Assert.Matches(@"needs \d+ bytes of memory.* \d+ are left", migration.FailureMessage);
            await guest.AssertStayedAsync();
        });
    }

    [Fact]
    public async Task PortIsTaken_TheTargetRefusesAndNothingIsLeft()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Parse("127.0.0.2"), 0);
        taken.Start();
        var port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port;
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Light);
        await fleet.WithHostBAsync("Agent:MigrationPorts", $"{port}-{port}", async () =>
        {
            var migration = await guest.AwaitEndAsync(await guest.MigrateAsync("suspend-if-needed", 1000));
            Assert.Equal(MigrationPhase.Failed, migration.Phase);
            Assert.Equal(FailureReason.TargetRefused, migration.FailureReason);
            Assert.Contains("in use", migration.FailureMessage, StringComparison.Ordinal);
            await guest.AssertStayedAsync();
        });
    }

    // A tenth of this machine's memory is less than the guest's 3 GiB, most of which it never touches.
    private async Task<ScenarioGuest> StartLargeAsync()
    {
        var spec = ScenarioGuest.Spec(Load.Light);
        spec.MemoryBytes = 3UL << 30;
        return await ScenarioGuest.StartAsync(fleet, Load.Light, spec);
    }

    private static StartMigrationRequest With(ScenarioGuest guest, Action<StartMigrationRequest> change)
    {
        var request = guest.Request("suspend-if-needed", 500);
        change(request);
        return request;
    }

    private async Task<string?> ReasonAsync(StartMigrationRequest request)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await fleet.ControlPlane.Migrations.StartMigrationAsync(request));
        return Refusal.FindDetail<Google.Rpc.ErrorInfo>(refused)?.Reason;
    }
}
