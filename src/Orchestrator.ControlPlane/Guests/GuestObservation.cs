using Orchestrator.Agent.V1;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>What an agent's word about a guest means for the ledger. Pure.</summary>
internal static class GuestObservation
{
    /// <param name="known">On the agent's host, and held by no migration.</param>
    /// <param name="seen">Null when the agent has no such guest.</param>
    /// <returns>The guest as it is to stand; the same object when the agent's word changes nothing.</returns>
    public static StoredGuest Apply(StoredGuest known, AgentGuest? seen, DateTimeOffset at)
    {
        var state = seen is null ? RunState.Gone : seen.Incoming ? RunState.Inmigrate : seen.RunState;
        var observed = state switch
        {
            RunState.Running => StoredGuestState.Running,
            RunState.Paused => StoredGuestState.Paused,
            RunState.Error => StoredGuestState.Crashed,

            // A start that was written down may still be on its way to the agent.
            RunState.Gone or RunState.Shutdown when known.State == StoredGuestState.Starting => known.State,
            RunState.Gone or RunState.Shutdown when known.Stopping => StoredGuestState.ShutOff,
            RunState.Gone => StoredGuestState.Crashed,

            // It powered down by itself; whoever watches stops it for good, which removes what is left of it.
            RunState.Shutdown => known.State,

            // Of a migration, or something newer than this release.
            RunState.Inmigrate or RunState.FinishMigrate or RunState.Postmigrate or RunState.Other or RunState.Unspecified => known.State,
        };
        var now = observed == StoredGuestState.ShutOff ? ShutOff(known, at) : known with
        {
            State = observed,
            StateSince = observed == known.State ? known.StateSince : at,
            Spec = Pinned(known, seen),
            SerialSocket = seen is null ? known.SerialSocket : seen.SerialSocket,
        };
        return now.Equals(known) ? known : now;
    }

    public static StoredGuest ShutOff(StoredGuest known, DateTimeOffset at) => known with
    {
        State = StoredGuestState.ShutOff,
        StateSince = known.State == StoredGuestState.ShutOff ? known.StateSince : at,
        HostId = null,
        Stopping = false,
        SerialSocket = "",
    };

    /// <summary>True when the guest powered itself down and what is left of it can be removed.</summary>
    public static bool PoweredDown(StoredGuest known, AgentGuest? seen) =>
        seen is { RunState: RunState.Shutdown, Incoming: false } && known.State != StoredGuestState.Starting && !known.Stopping;

    // The engine's alias stands for another machine in another release of it.
    private static V1.MachineSpec Pinned(StoredGuest known, AgentGuest? seen)
    {
        var type = seen?.Spec?.MachineType ?? "";
        if (type == known.Spec.MachineType || !MachineSpecParser.IsMachineType(type))
        {
            return known.Spec;
        }

        var pinned = known.Spec.Clone();
        pinned.MachineType = type;
        return pinned;
    }
}
