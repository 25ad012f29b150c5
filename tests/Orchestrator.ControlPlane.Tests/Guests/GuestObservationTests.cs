using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Guests;

namespace Orchestrator.ControlPlane.Tests.Guests;

public sealed class GuestObservationTests
{
    private static readonly DateTimeOffset s_before = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);
    private static readonly DateTimeOffset s_now = s_before.AddMinutes(1);

    [Theory]
    [InlineData("Starting", RunState.Running, "Running")]
    [InlineData("Starting", RunState.Paused, "Paused")]
    [InlineData("Starting", RunState.Error, "Crashed")]
    [InlineData("Starting", RunState.Gone, "Starting")]
    [InlineData("Starting", RunState.Shutdown, "Starting")]
    [InlineData("Running", RunState.Paused, "Paused")]
    [InlineData("Running", RunState.Gone, "Crashed")]
    [InlineData("Running", RunState.Error, "Crashed")]
    [InlineData("Running", RunState.Shutdown, "Running")]
    [InlineData("Running", RunState.Inmigrate, "Running")]
    [InlineData("Running", RunState.FinishMigrate, "Running")]
    [InlineData("Running", RunState.Postmigrate, "Running")]
    [InlineData("Running", RunState.Other, "Running")]
    [InlineData("Paused", RunState.Running, "Running")]
    [InlineData("Paused", RunState.Gone, "Crashed")]
    [InlineData("Crashed", RunState.Gone, "Crashed")]
    [InlineData("Crashed", RunState.Running, "Running")]
    public void Apply_TakesOverWhatTheAgentSees(string known, RunState seen, string expected)
    {
        var guest = Known(Enum.Parse<StoredGuestState>(known));

        var now = GuestObservation.Apply(guest, Seen(seen), s_now);

        Assert.Equal(expected, now.State.ToString());
        Assert.Equal(known == expected ? s_before : s_now, now.StateSince);
        Assert.Equal("h1", now.HostId);
    }

    [Fact]
    public void Apply_NothingNew_IsTheSameObject()
    {
        var guest = Known(StoredGuestState.Running);
        Assert.Same(guest, GuestObservation.Apply(guest, Seen(RunState.Running), s_now));
    }

    [Fact]
    public void Apply_GoneWithoutBeingAskedTo_HasCrashed_AndAskedToIsShutOff()
    {
        var guest = Known(StoredGuestState.Running);
        Assert.Equal(StoredGuestState.Crashed, GuestObservation.Apply(guest, null, s_now).State);

        var stopping = guest with { Stopping = true };
        var stopped = GuestObservation.Apply(stopping, null, s_now);
        Assert.Equal(
            stopping with { State = StoredGuestState.ShutOff, StateSince = s_now, HostId = null, Stopping = false, SerialSocket = "" }, stopped);
        Assert.Equal(StoredGuestState.Running, GuestObservation.Apply(stopping, Seen(RunState.Running), s_now).State);
    }

    [Fact]
    public void Apply_StartNotSeenYet_StaysAStart() =>
        Assert.Equal(StoredGuestState.Starting, GuestObservation.Apply(Known(StoredGuestState.Starting), null, s_now).State);

    [Fact]
    public void Apply_WaitingForAMigration_IsNoNews()
    {
        var incoming = Seen(RunState.Running);
        incoming.Incoming = true;
        Assert.Equal(StoredGuestState.Paused, GuestObservation.Apply(Known(StoredGuestState.Paused), incoming, s_now).State);
    }

    [Fact]
    public void Apply_PinsTheMachineTypeAndNothingElse()
    {
        var seen = Seen(RunState.Running);
        seen.Spec = new V1.MachineSpec { MachineType = "pc-q35-7.2", Vcpus = 99 };
        var now = GuestObservation.Apply(Known(StoredGuestState.Starting), seen, s_now);

        Assert.Equal(("pc-q35-7.2", 2u), (now.Spec.MachineType, now.Spec.Vcpus));
        Assert.Equal("", now.DefinedSpec.MachineType);

        seen.Spec.MachineType = "-drive file=/etc/shadow";
        Assert.Equal("", GuestObservation.Apply(Known(StoredGuestState.Starting), seen, s_now).Spec.MachineType);
    }

    [Fact]
    public void PoweredDown_OnlyByItself()
    {
        Assert.True(GuestObservation.PoweredDown(Known(StoredGuestState.Running), Seen(RunState.Shutdown)));
        Assert.False(GuestObservation.PoweredDown(Known(StoredGuestState.Running) with { Stopping = true }, Seen(RunState.Shutdown)));
        Assert.False(GuestObservation.PoweredDown(Known(StoredGuestState.Starting), Seen(RunState.Shutdown)));
        Assert.False(GuestObservation.PoweredDown(Known(StoredGuestState.Running), Seen(RunState.Running)));
        Assert.False(GuestObservation.PoweredDown(Known(StoredGuestState.Running), null));
    }

    private static StoredGuest Known(StoredGuestState state) => new()
    {
        GuestId = "g1",
        DefinedSpec = Sample.Spec(),
        Spec = Sample.Spec(),
        State = state,
        StateSince = s_before,
        HostId = "h1",
        StartsPaused = false,
        Stopping = false,
        ActiveMigrationId = null,
        MigrationTargetHostId = null,
        MigrationKeepsStopped = false,
        DefinedAt = s_before,
        SerialSocket = "/run/g1",
        Labels = new Google.Protobuf.Collections.MapField<string, string>(),
        Placement = new Orchestrator.V1.PlacementTerms(),
        Notice = null,
        Revision = 7,
    };

    private static AgentGuest Seen(RunState state) => new() { GuestId = "g1", RunState = state, SerialSocket = "/run/g1" };
}
