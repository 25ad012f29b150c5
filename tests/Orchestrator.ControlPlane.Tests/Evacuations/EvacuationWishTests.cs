using Grpc.Core;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Evacuations;

/// <summary>What callers wish of evacuations under way, on the replica that does not conduct as well as on the one that does.</summary>
public sealed class EvacuationWishTests(EvacuationFixture fixture) : IClassFixture<EvacuationFixture>, IAsyncLifetime
{
    private readonly Rack _rack = new(fixture.Fleet);
    private readonly EvacuationService.EvacuationServiceClient _other = new(fixture.Other);

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _rack.ClearAsync();

    [Fact]
    public async Task Paused_BeginsNothingMore_LetsGoOnWhatIsUnderWay_AndResumes()
    {
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        var guests = await FillAsync(host, 4, held: true);
        var started = await _rack.StartAsync(host);
        await Eventually.HoldsAsync(() => guests.Any(_rack.Moves.IsCopying));

        var paused = (await _other.PauseEvacuationAsync(new PauseEvacuationRequest { EvacuationId = started.EvacuationId })).Evacuation;
        Assert.Equal(EvacuationState.Paused, paused.State);
        Assert.Equal(
            EvacuationState.Paused, (await _rack.Evacuations.PauseEvacuationAsync(new PauseEvacuationRequest { EvacuationId = started.EvacuationId })).Evacuation.State);
        var underWay = (await SettledAsync(started.EvacuationId)).Guests.Where(guest => guest.State is EvacuationGuestState.Moving)
            .Select(guest => guest.GuestId).ToHashSet();
        Assert.InRange(underWay.Count, 1, 3);
        guests.ForEach(_rack.Moves.Release);
        var rest = await _rack.UntilAsync(
            started.EvacuationId, evacuation => evacuation.Guests.All(guest => guest.State is not EvacuationGuestState.Moving));
        Assert.Equal(
            underWay.Order(StringComparer.Ordinal),
            rest.Guests.Where(guest => guest.State is EvacuationGuestState.Moved).Select(guest => guest.GuestId));
        Assert.Equal((EvacuationState.Paused, null), (rest.State, rest.Eta));

        await _other.ResumeEvacuationAsync(new ResumeEvacuationRequest { EvacuationId = started.EvacuationId });
        await _rack.EndAsync(started.EvacuationId, EvacuationState.Completed);
        await Refused.WithAsync("EVACUATION_ENDED", StatusCode.FailedPrecondition, async () =>
            await _rack.Evacuations.PauseEvacuationAsync(new PauseEvacuationRequest { EvacuationId = started.EvacuationId }));
        await Refused.WithAsync("EVACUATION_ENDED", StatusCode.FailedPrecondition, async () =>
            await _rack.Evacuations.ResumeEvacuationAsync(new ResumeEvacuationRequest { EvacuationId = started.EvacuationId }));
        await Refused.WithAsync("EVACUATION_ENDED", StatusCode.FailedPrecondition, async () =>
            await _rack.Evacuations.CancelEvacuationAsync(new CancelEvacuationRequest { EvacuationId = started.EvacuationId }));
    }

    [Fact]
    public async Task Cancelled_StopHere_UndoesWhatCanBeUndone_AndLeavesTheRestWhereItIs()
    {
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        var gone = await _rack.AddGuestAsync(host);
        var held = await FillAsync(host, 3, held: true);
        var started = await _rack.StartAsync(host);
        await _rack.UntilAsync(started.EvacuationId, evacuation => evacuation.Guests.Any(guest => guest.GuestId == gone && guest.State is EvacuationGuestState.Moved));
        await Eventually.HoldsAsync(() => held.Any(_rack.Moves.IsCopying));

        var cancelled = (await _other.CancelEvacuationAsync(new CancelEvacuationRequest { EvacuationId = started.EvacuationId, Reason = "lunch" })).Evacuation;
        Assert.Equal(
            (EvacuationState.Cancelling, EvacuationCancelMode.StopHere, "lunch"), (cancelled.State, cancelled.CancelMode, cancelled.Message));
        var ended = await _rack.EndAsync(started.EvacuationId, EvacuationState.Cancelled);

        Assert.All(
            ended.Guests, guest => Assert.Equal(guest.GuestId == gone ? EvacuationGuestState.Moved : EvacuationGuestState.Waiting, guest.State));
        Assert.NotEqual(host.HostId, await _rack.HostOfAsync(gone));
        foreach (var guestId in held)
        {
            Assert.Equal(host.HostId, await _rack.HostOfAsync(guestId));
        }

        Assert.True(await _rack.IsCordonedAsync(host));

        // Asked once more it is so already.
        Assert.Equal(
            EvacuationState.Cancelled,
            (await _rack.Evacuations.CancelEvacuationAsync(new CancelEvacuationRequest { EvacuationId = started.EvacuationId })).Evacuation.State);
    }

    [Fact]
    public async Task Cancelled_BringBack_UncordonsAndReturnsThoseThatHadLeft()
    {
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        var gone = await FillAsync(host, 2, held: false);
        var held = await FillAsync(host, 2, held: true);
        var started = await _rack.StartAsync(host);
        await _rack.UntilAsync(
            started.EvacuationId, evacuation => evacuation.Guests.Count(guest => guest.State is EvacuationGuestState.Moved) == 2);

        await _other.CancelEvacuationAsync(
            new CancelEvacuationRequest { EvacuationId = started.EvacuationId, Mode = EvacuationCancelMode.BringBack });
        var ended = await _rack.EndAsync(started.EvacuationId, EvacuationState.Cancelled);

        Assert.Equal(EvacuationCancelMode.BringBack, ended.CancelMode);
        Assert.All(
            ended.Guests,
            guest => Assert.Equal(gone.Contains(guest.GuestId) ? EvacuationGuestState.Returned : EvacuationGuestState.Waiting, guest.State));
        foreach (var guestId in gone.Concat(held))
        {
            Assert.Equal(host.HostId, await _rack.HostOfAsync(guestId));
        }

        Assert.False(await _rack.IsCordonedAsync(host));
    }

    [Fact]
    public async Task Cancelled_BringBack_LeavesAHostCordonedThatWasSoBefore()
    {
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        var gone = await _rack.AddGuestAsync(host);
        var held = await FillAsync(host, 1, held: true);
        await _rack.CordonAsync(host);
        var started = await _rack.StartAsync(host);
        await _rack.UntilAsync(
            started.EvacuationId, evacuation => evacuation.Guests.Any(guest => guest.GuestId == gone && guest.State is EvacuationGuestState.Moved));
        Assert.True((await _rack.GetAsync(started.EvacuationId)).Hosts[0].WasCordoned);

        await _rack.Evacuations.CancelEvacuationAsync(
            new CancelEvacuationRequest { EvacuationId = started.EvacuationId, Mode = EvacuationCancelMode.BringBack });
        await _rack.EndAsync(started.EvacuationId, EvacuationState.Cancelled);
        Assert.True(await _rack.IsCordonedAsync(host));
        Assert.NotEqual(host.HostId, await _rack.HostOfAsync(gone));
        Assert.Equal(host.HostId, await _rack.HostOfAsync(held[0]));
    }

    [Fact]
    public async Task Watch_OnTheOtherReplica_TellsTheWholeFirst_AndEveryEndOfAGuest_AndEndsWithTheEnd()
    {
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        var held = await FillAsync(host, 2, held: true);
        var started = await _rack.StartAsync(host);
        await Eventually.HoldsAsync(() => held.All(_rack.Moves.IsCopying));
        using var watch = _other.WatchEvacuation(new WatchEvacuationRequest { EvacuationId = started.EvacuationId });
        using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        Assert.True(await watch.ResponseStream.MoveNext(bound.Token));
        Assert.Equal(2, watch.ResponseStream.Current.Evacuation.Guests.Count);

        _rack.Moves.Release(held[0]);
        await UntilAsync(evacuation => evacuation.Guests.Count(guest => guest.State is EvacuationGuestState.Moved) == 1);
        _rack.Moves.Release(held[1]);
        await UntilAsync(evacuation => evacuation.EndedAt is not null);
        Assert.Equal(EvacuationState.Completed, watch.ResponseStream.Current.Evacuation.State);
        Assert.False(await watch.ResponseStream.MoveNext(bound.Token));

        async Task UntilAsync(Func<Evacuation, bool> wished)
        {
            for (var before = watch.ResponseStream.Current.Evacuation.Revision; !wished(watch.ResponseStream.Current.Evacuation);)
            {
                Assert.True(await watch.ResponseStream.MoveNext(bound.Token), "The stream ended.");
                Assert.True(watch.ResponseStream.Current.Evacuation.Revision > before);
                before = watch.ResponseStream.Current.Evacuation.Revision;
            }
        }
    }

    private async Task<List<string>> FillAsync(ScriptedAgent host, int guests, bool held)
    {
        List<string> filled = [];
        for (var guest = 0; guest < guests; guest++)
        {
            filled.Add(await _rack.AddGuestAsync(host));
            if (held)
            {
                _rack.Moves.Held[filled[^1]] = true;
            }
        }

        return filled;
    }

    // What was begun before the pause has come about or not.
    private Task<Evacuation> SettledAsync(string evacuationId) => _rack.UntilAsync(evacuationId, evacuation => evacuation.Guests
        .Where(guest => guest.State is EvacuationGuestState.Moving).All(guest => _rack.Moves.IsCopying(guest.GuestId)));
}
