using Orchestrator.HostAgent.Service;
using Orchestrator.Qmp;
using Orchestrator.V1;
using RunState = Orchestrator.Agent.V1.RunState;

namespace Orchestrator.HostAgent.Guests;

/// <summary>What a guest's owner may ask of it: start, stop, pause, resume. A guest already in the wanted state is the answer.</summary>
internal sealed class GuestControl(GuestRegistry guests, GuestLauncher launcher, TimeProvider clock)
{
    private static readonly TimeSpan s_monitorBound = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_quitTakes = TimeSpan.FromSeconds(5);

    /// <param name="spec">Checked, with defaults filled in.</param>
    /// <exception cref="AgentRefusedException"/>
    public async Task<Guest> StartAsync(string guestId, MachineSpec spec, bool paused, CancellationToken cancellation)
    {
        using var turn = await guests.EnterAsync(guestId, cancellation);
        if (guests.Find(guestId) is { } present)
        {
            if (present.Occupation is { } occupation)
            {
                throw AgentErrors.GuestPresent(guestId, $"as the {occupation.Role.ToString().ToLowerInvariant()} of migration {occupation.MigrationId}");
            }

            if (!present.RunState.ProcessEnded)
            {
                return AsAsked(present, spec);
            }

            await guests.RemoveAsync(present, cancellation);
        }

        var guest = await launcher.LaunchAsync(guestId, spec, paused ? GuestStart.Paused : GuestStart.Running, cancellation);

        // Its run state is part of the answer.
        await guest.MonitorAsync(s_monitorBound, cancellation);
        return guest;
    }

    public async Task StopAsync(string guestId, TimeSpan grace, CancellationToken cancellation)
    {
        using var turn = await guests.EnterAsync(guestId, cancellation);
        if (guests.Find(guestId) is not { } guest)
        {
            return;
        }

        RefuseDuringMigration(guest);
        guest.EndExpected = true;
        if (guest.Record.Process is { IsAlive: true } process)
        {
            try
            {
                var monitor = await guest.MonitorAsync(s_quitTakes, cancellation);
                if (grace > TimeSpan.Zero && guest.RunState.State == RunState.Running)
                {
                    await monitor.SystemPowerdownAsync(cancellation);
                    if (await process.WaitForExitAsync(grace, clock, cancellation))
                    {
                        await guests.RemoveAsync(guest, cancellation);
                        return;
                    }
                }

                // Lets QEMU write its disks' caches out, which a kill does not.
                await monitor.QuitAsync(cancellation);
                await process.WaitForExitAsync(s_quitTakes, clock, cancellation);
            }
            catch (Exception deaf) when (deaf is QmpException or QmpDisconnectedException or GuestUnreachableException)
            {
                // It is killed below.
            }
        }

        await guests.RemoveAsync(guest, cancellation);
    }

    public async Task<Guest> PauseAsync(string guestId, CancellationToken cancellation)
    {
        using var turn = await guests.EnterAsync(guestId, cancellation);
        var guest = guests.Find(guestId) ?? throw AgentErrors.GuestUnknown(guestId);
        if (!guest.Record.PausedByOwner || guest.RunState.State == RunState.Running)
        {
            RefuseDuringMigration(guest);
            guest.Rewrite(record => record with { PausedByOwner = true });
            await CommandAsync(guest, monitor => monitor.StopAsync(cancellation), cancellation);
        }

        return guest;
    }

    public async Task<Guest> ResumeAsync(string guestId, CancellationToken cancellation)
    {
        using var turn = await guests.EnterAsync(guestId, cancellation);
        var guest = guests.Find(guestId) ?? throw AgentErrors.GuestUnknown(guestId);
        if (guest.Occupation is { NonLive: true, MigrationId: var migrationId })
        {
            throw AgentErrors.ResumeRefused(guestId, migrationId);
        }

        if (guest.Record.PausedByOwner || guest.RunState.State != RunState.Running)
        {
            RefuseDuringMigration(guest);
            if (guest.RunState.State is not (RunState.Paused or RunState.Running))
            {
                // Postmigrate above all: the guest moved away and what is left here is stale.
                throw AgentErrors.WrongState($"Guest {guestId} is {guest.RunState.Text} and cannot be resumed.", guest.RunState.Text);
            }

            await CommandAsync(guest, monitor => monitor.ContinueAsync(cancellation), cancellation);
            guest.Rewrite(record => record with { PausedByOwner = false });
        }

        return guest;
    }

    private static Guest AsAsked(Guest present, MachineSpec spec)
    {
        var asked = spec.Clone();
        asked.MachineType = present.Record.Spec.MachineType;
        var sameMachine = asked.Equals(present.Record.Spec)
            && (spec.MachineType == present.Record.Spec.MachineType || present.Record.Spec.MachineType.Contains(spec.MachineType, StringComparison.Ordinal));
        if (!sameMachine)
        {
            throw AgentErrors.GuestPresent(present.Id, "with another machine");
        }

        return present.RunState.State == RunState.Postmigrate
            ? throw AgentErrors.GuestPresent(present.Id, "it moved away and was not released")
            : present;
    }

    /// <summary>
    /// What the guest is to be afterwards was settled when its migration began, and the target goes by that; so the owner's wish waits.
    /// </summary>
    private static void RefuseDuringMigration(Guest guest)
    {
        if (guest.Occupation is { } occupation)
        {
            throw AgentErrors.WrongState($"Guest {guest.Id} has migration {occupation.MigrationId} under way; wait for its end or cancel it.", "MIGRATING");
        }
    }

    private static async Task CommandAsync(Guest guest, Func<QemuMonitor, Task> command, CancellationToken cancellation)
    {
        try
        {
            var monitor = await guest.MonitorAsync(s_monitorBound, cancellation);
            await command(monitor);
            await guest.ReadRunStateAsync(monitor, cancellation);
        }
        catch (GuestUnreachableException unreachable)
        {
            throw unreachable.Gone ? AgentErrors.WrongState(unreachable.Message, "GONE") : AgentErrors.EngineUnreachable(unreachable.Message);
        }
        catch (QmpDisconnectedException lost)
        {
            throw AgentErrors.EngineUnreachable(lost.Message);
        }
        catch (QmpException refused)
        {
            throw AgentErrors.EngineRefused(refused.Description);
        }
    }
}
