using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using Orchestrator.ControlPlane.Schedules;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Evacuations;

/// <summary>Evacuations that schedules begin, pause and resume.</summary>
public sealed class ScheduledEvacuationTests(EvacuationFixture fixture) : IClassFixture<EvacuationFixture>, IAsyncLifetime
{
    private readonly Rack _rack = new(fixture.Fleet);

    private EvacuationPort Port => fixture.Fleet.Services.GetRequiredService<EvacuationPort>();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _rack.ClearAsync();

    [Fact]
    public async Task Schedule_BeginsAnEvacuation()
    {
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        var guestId = await _rack.AddGuestAsync(host);
        var name = ControlPlaneFixture.NewId("night");
        await fixture.Fleet.Schedules.CreateScheduleAsync(new CreateScheduleRequest
        {
            Name = name,
            CreatedBy = "a test",
            Spec = new ScheduleSpec
            {
                At = Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow().AddSeconds(2)),
                Evacuation = new EvacuationSpec { HostIds = { host.HostId } },
            },
        });

        Firing? firing = null;
        await Eventually.HoldsAsync(async () =>
        {
            firing = (await fixture.Fleet.Schedules.ListFiringsAsync(new ListFiringsRequest { Name = name })).Firings.SingleOrDefault();
            return firing is { EvacuationId.Length: > 0 };
        });
        Assert.Equal(FiringOutcome.Started, firing!.Outcome);
        var ended = await _rack.EndAsync(firing.EvacuationId, EvacuationState.Completed);
        Assert.Equal($"schedule {name}, by a test", ended.RequestedBy);
        Assert.NotEqual(host.HostId, await _rack.HostOfAsync(guestId));
    }

    [Fact]
    public async Task BadSpec_IsRefusedWhenItIsScheduled_WithTheFieldsOfTheEvacuation() => Assert.Equal(
        ["spec.evacuation.host_ids[0]", "spec.evacuation.max_attempts"],
        await Refused.FieldsAsync(async () => await fixture.Fleet.Schedules.CreateScheduleAsync(new CreateScheduleRequest
        {
            Name = ControlPlaneFixture.NewId("night"),
            Spec = new ScheduleSpec { Cron = "0 0 2 ? * SAT", Evacuation = new EvacuationSpec { HostIds = { "Not A Name" }, MaxAttempts = -1 } },
        })));

    [Fact]
    public async Task Window_PausesAndResumes_AndWhatCannotBegin_IsRefusedInWords()
    {
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        var guestId = await _rack.AddGuestAsync(host);
        _rack.Moves.Held[guestId] = true;

        // A guest that an override names may be gone by the time the schedule fires.
        var (id, spec) = (
            Guid.NewGuid(), new EvacuationSpec { HostIds = { host.HostId }, Overrides = { new GuestOverride { GuestId = "long-gone" } } });
        Assert.Equal(
            new WorkAnswer(FiringOutcome.Started, "") { EvacuationId = id },
            await Port.StartAsync(id, spec, new string('x', 600), CancellationToken.None));
        Assert.Equal(FiringOutcome.Started, (await Port.StartAsync(id, spec, new string('x', 600), CancellationToken.None)).Outcome);
        Assert.True(await Port.GoesOnAsync(id, CancellationToken.None));
        var refused = await Port.StartAsync(Guid.NewGuid(), spec, "a test", CancellationToken.None);
        Assert.Equal(FiringOutcome.Refused, refused.Outcome);
        Assert.Contains(id.ToString(), refused.Message, StringComparison.Ordinal);

        await Port.PauseAsync(id, "the window ended", CancellationToken.None);
        Assert.Equal(
            (EvacuationState.Paused, "the window ended"), ((await _rack.GetAsync(id.ToString())).State, (await _rack.GetAsync(id.ToString())).Message));
        await Port.ResumeAsync(id, CancellationToken.None);
        await Eventually.HoldsAsync(() => _rack.Moves.IsCopying(guestId));
        _rack.Moves.Release(guestId);
        await _rack.EndAsync(id.ToString(), EvacuationState.Completed);
        Assert.False(await Port.GoesOnAsync(id, CancellationToken.None));
        await Port.PauseAsync(id, "too late", CancellationToken.None);
        await Port.ResumeAsync(id, CancellationToken.None);
        await Port.PauseAsync(Guid.NewGuid(), "nothing there", CancellationToken.None);
    }
}
