using Grpc.Core;
using Orchestrator.V1;
using Duration = Google.Protobuf.WellKnownTypes.Duration;

namespace Orchestrator.ControlPlane.Tests.Guests;

/// <summary>Every method of the guest API on agents that behave.</summary>
public sealed class GuestApiTests(ControlPlaneFixture fleet) : IClassFixture<ControlPlaneFixture>
{
    [Fact]
    public async Task LifeOfAGuest()
    {
        await using var agent = await fleet.AddHostAsync();
        var guestId = ControlPlaneFixture.NewId("guest");
        var define = new DefineGuestRequest { GuestId = guestId, Spec = Sample.Spec() };
        var defined = (await fleet.Guests.DefineGuestAsync(define)).Guest;
        Assert.Equal(defined, (await fleet.Guests.DefineGuestAsync(define)).Guest);
        Assert.Equal((GuestState.ShutOff, "", "q35"), (defined.State, defined.HostId, defined.Spec.MachineType));

        var start = new StartGuestRequest { GuestId = guestId, HostId = agent.HostId };
        var started = (await fleet.Guests.StartGuestAsync(start)).Guest;
        Assert.Equal((GuestState.Running, agent.HostId), (started.State, started.HostId));
        Assert.Equal("pc-q35-7.2", started.Spec.MachineType);
        Assert.Equal($"/run/{guestId}.serial", started.SerialSocket);
        Assert.Equal(GuestState.Running, (await fleet.Guests.StartGuestAsync(start)).Guest.State);
        Assert.Equal(GuestState.Running, (await fleet.Guests.DefineGuestAsync(define)).Guest.State);

        Assert.Equal(GuestState.Paused, (await fleet.Guests.PauseGuestAsync(new PauseGuestRequest { GuestId = guestId })).Guest.State);
        Assert.Equal(GuestState.Paused, (await fleet.Guests.PauseGuestAsync(new PauseGuestRequest { GuestId = guestId })).Guest.State);
        Assert.Equal(GuestState.Running, (await fleet.Guests.ResumeGuestAsync(new ResumeGuestRequest { GuestId = guestId })).Guest.State);
        await Refused.WithAsync("GUEST_RUNNING", StatusCode.FailedPrecondition, () => RemoveAsync(guestId));

        var stop = new StopGuestRequest { GuestId = guestId, Grace = Duration.FromTimeSpan(TimeSpan.FromSeconds(3)) };
        var stopped = (await fleet.Guests.StopGuestAsync(stop)).Guest;
        Assert.Equal((GuestState.ShutOff, "", ""), (stopped.State, stopped.HostId, stopped.SerialSocket));
        Assert.Equal("pc-q35-7.2", stopped.Spec.MachineType);
        Assert.Equal(GuestState.ShutOff, (await fleet.Guests.StopGuestAsync(stop)).Guest.State);

        await RemoveAsync(guestId);
        await Refused.WithAsync("GUEST_UNKNOWN", StatusCode.NotFound, () => RemoveAsync(guestId));
        Assert.Equal(
            [$"start {guestId}", $"pause {guestId}", $"pause {guestId}", $"resume {guestId}", $"stop {guestId}"], agent.Commands);
    }

    [Fact]
    public async Task DefineGuest_AnotherSpecUnderTheId_IsRefused()
    {
        var guestId = await fleet.DefineGuestAsync();
        var other = Sample.Spec();
        other.MemoryBytes *= 2;

        await Refused.WithAsync("GUEST_EXISTS", StatusCode.AlreadyExists, async () => await fleet.Guests.DefineGuestAsync(
            new DefineGuestRequest { GuestId = guestId, Spec = other }));
    }

    [Fact]
    public async Task DefineGuest_WithTerms_AnswersThemWithDefaults_AndTheSameAgain()
    {
        var define = new DefineGuestRequest
        {
            GuestId = ControlPlaneFixture.NewId("guest"),
            Spec = Sample.Spec(),
            Labels = { ["app"] = "web", ["tier"] = "" },
            Placement = Terms.Placement(),
            Notice = Terms.Notice(),
        };
        define.Placement.Affinity[1].Weight = 0;

        var defined = (await fleet.Guests.DefineGuestAsync(define)).Guest;

        Assert.Equal((define.Labels, Terms.Placement(), Terms.Notice()), (defined.Labels, defined.Placement, defined.Notice));
        Assert.Equal(defined, (await fleet.Guests.DefineGuestAsync(define)).Guest);
        Assert.Equal(defined, (await fleet.Guests.GetGuestAsync(new GetGuestRequest { GuestId = define.GuestId })).Guest);
        Assert.Contains(defined, (await fleet.Guests.ListGuestsAsync(new ListGuestsRequest { PageSize = 1000 })).Guests);

        define.Labels["tier"] = "front";
        await Refused.WithAsync("GUEST_EXISTS", StatusCode.AlreadyExists, async () => await fleet.Guests.DefineGuestAsync(define));
    }

    [Fact]
    public async Task DefineGuest_WithoutTerms_AnswersNone()
    {
        var guest = (await fleet.Guests.DefineGuestAsync(new DefineGuestRequest
        {
            GuestId = ControlPlaneFixture.NewId("guest"),
            Spec = Sample.Spec(),
            Placement = new PlacementTerms(),
        })).Guest;

        Assert.Equal((0, null, null), (guest.Labels.Count, guest.Placement, guest.Notice));
    }

    [Fact]
    public async Task StartGuest_Paused_StaysPaused()
    {
        await using var agent = await fleet.AddHostAsync();
        var guestId = await fleet.DefineGuestAsync();

        var started = await fleet.Guests.StartGuestAsync(new StartGuestRequest { GuestId = guestId, HostId = agent.HostId, Paused = true });

        Assert.Equal(GuestState.Paused, started.Guest.State);
    }

    [Fact]
    public async Task StartGuest_OnTwoHostsAtOnce_RunsOnOne()
    {
        await using var first = await fleet.AddHostAsync();
        await using var second = await fleet.AddHostAsync();
        using var replica = await fleet.AddReplicaAsync();
        var other = new GuestService.GuestServiceClient(replica);
        await fleet.ConnectedAsync(first.HostId);
        await fleet.ConnectedAsync(second.HostId);

        for (var round = 0; round < 10; round++)
        {
            var guestId = await fleet.DefineGuestAsync();

            var outcomes = await Task.WhenAll(
                TryAsync(fleet.Guests, guestId, first.HostId), TryAsync(other, guestId, second.HostId), TryAsync(fleet.Guests, guestId, second.HostId));

            var runsOn = outcomes.OfType<Guest>().Select(guest => guest.HostId).Distinct().ToList();
            Assert.Single(runsOn);
            Assert.Equal(1, new[] { first, second }.Count(agent => agent.Guests.ContainsKey(guestId)));
            Assert.All(
                outcomes.OfType<RpcException>(),
                refused => Assert.True(refused.StatusCode is StatusCode.FailedPrecondition or StatusCode.Unavailable, refused.Status.Detail));
        }
    }

    [Fact]
    public async Task StartGuest_WhatCannotBe_IsRefused()
    {
        await using var agent = await fleet.AddHostAsync();
        await using var other = await fleet.AddHostAsync();
        var guestId = await fleet.DefineGuestAsync();

        await Refused.WithAsync("GUEST_UNKNOWN", StatusCode.NotFound, () => StartAsync("no-such", agent.HostId));
        await Refused.WithAsync("HOST_UNKNOWN", StatusCode.NotFound, () => StartAsync(guestId, "no-such"));
        await fleet.Hosts.CordonHostAsync(new CordonHostRequest { HostId = other.HostId });
        await Refused.WithAsync("HOST_CORDONED", StatusCode.FailedPrecondition, () => StartAsync(guestId, other.HostId));

        await StartAsync(guestId, agent.HostId);
        await Refused.WithAsync("GUEST_ELSEWHERE", StatusCode.FailedPrecondition, () => StartAsync(guestId, other.HostId));
        Assert.Empty(other.Commands);
    }

    [Fact]
    public async Task UnknownGuest_IsNotFoundEverywhere()
    {
        const string Nobody = "no-such-guest";
        await Refused.WithAsync(
            "GUEST_UNKNOWN", StatusCode.NotFound, async () => await fleet.Guests.GetGuestAsync(new GetGuestRequest { GuestId = Nobody }));
        await Refused.WithAsync(
            "GUEST_UNKNOWN", StatusCode.NotFound, async () => await fleet.Guests.StopGuestAsync(new StopGuestRequest { GuestId = Nobody }));
        await Refused.WithAsync(
            "GUEST_UNKNOWN", StatusCode.NotFound, async () => await fleet.Guests.PauseGuestAsync(new PauseGuestRequest { GuestId = Nobody }));
        await Refused.WithAsync(
            "GUEST_UNKNOWN", StatusCode.NotFound, async () => await fleet.Guests.ResumeGuestAsync(new ResumeGuestRequest { GuestId = Nobody }));
    }

    [Fact]
    public async Task GuestThatIsOff_IsNeitherPausedNorResumed()
    {
        var guestId = await fleet.DefineGuestAsync();
        await Refused.WithAsync("GUEST_NOT_RUNNING", StatusCode.FailedPrecondition, async () => await fleet.Guests.PauseGuestAsync(
            new PauseGuestRequest { GuestId = guestId }));
        await Refused.WithAsync("GUEST_NOT_RUNNING", StatusCode.FailedPrecondition, async () => await fleet.Guests.ResumeGuestAsync(
            new ResumeGuestRequest { GuestId = guestId }));
    }

    [Fact]
    public async Task NonsenseInEveryField_NamesEveryField()
    {
        Assert.Equal(
            ["guest_id", "spec"],
            await Refused.FieldsAsync(async () => await fleet.Guests.DefineGuestAsync(new DefineGuestRequest { GuestId = "NO" })));
        Assert.Equal(
            ["guest_id", "spec.memory_bytes", "spec.memory_bytes", "spec.boot"],
            await Refused.FieldsAsync(async () => await fleet.Guests.DefineGuestAsync(new DefineGuestRequest { Spec = new MachineSpec { MemoryBytes = 1 } })));
        Assert.Equal(
            ["labels[]", "placement.host_selector[0].values", "notice.lead_time"],
            await Refused.FieldsAsync(async () => await fleet.Guests.DefineGuestAsync(new DefineGuestRequest
            {
                GuestId = "g",
                Spec = Sample.Spec(),
                Labels = { [""] = "x" },
                Placement = new PlacementTerms { HostSelector = { new LabelRequirement { Key = "rack", Operator = LabelOperator.In } } },
                Notice = new NoticeTerms { LeadTime = Duration.FromTimeSpan(TimeSpan.FromDays(2)) },
            })));
        Assert.Equal(
            ["guest_id", "host_id"],
            await Refused.FieldsAsync(async () => await fleet.Guests.StartGuestAsync(new StartGuestRequest { GuestId = ".", HostId = "-" })));
        Assert.Equal(
            ["guest_id", "grace"],
            await Refused.FieldsAsync(async () => await fleet.Guests.StopGuestAsync(
                new StopGuestRequest { Grace = Duration.FromTimeSpan(TimeSpan.FromMinutes(11)) })));
        Assert.Equal(["guest_id"], await Refused.FieldsAsync(async () => await fleet.Guests.PauseGuestAsync(new PauseGuestRequest())));
        Assert.Equal(["guest_id"], await Refused.FieldsAsync(async () => await fleet.Guests.ResumeGuestAsync(new ResumeGuestRequest())));
        Assert.Equal(["guest_id"], await Refused.FieldsAsync(async () => await fleet.Guests.RemoveGuestAsync(new RemoveGuestRequest())));
        Assert.Equal(["guest_id"], await Refused.FieldsAsync(async () => await fleet.Guests.GetGuestAsync(new GetGuestRequest())));
        Assert.Equal(
            ["host_id", "page_size", "page_token"],
            await Refused.FieldsAsync(async () => await fleet.Guests.ListGuestsAsync(
                new ListGuestsRequest { HostId = "NO", PageSize = 9999, PageToken = "=" })));
    }

    [Fact]
    public async Task ListGuests_OfOneHostPageByPage()
    {
        await using var agent = await fleet.AddHostAsync();
        var ids = new List<string>();
        for (var n = 0; n < 5; n++)
        {
            ids.Add(await fleet.DefineGuestAsync());
            await StartAsync(ids[^1], agent.HostId);
        }

        var listed = new List<string>();
        var token = "";
        do
        {
            var page = await fleet.Guests.ListGuestsAsync(new ListGuestsRequest { HostId = agent.HostId, PageSize = 2, PageToken = token });
            listed.AddRange(page.Guests.Select(guest => guest.GuestId));
            token = page.NextPageToken;
        }
        while (token.Length > 0);

        Assert.Equal(ids.Order(StringComparer.Ordinal), listed);
        var all = (await fleet.Guests.ListGuestsAsync(new ListGuestsRequest { PageSize = 1000 })).Guests;
        Assert.Superset(ids.ToHashSet(), all.Select(guest => guest.GuestId).ToHashSet());
    }

    private static async Task<object> TryAsync(GuestService.GuestServiceClient client, string guestId, string hostId)
    {
        try
        {
            return (await client.StartGuestAsync(new StartGuestRequest { GuestId = guestId, HostId = hostId })).Guest;
        }
        catch (RpcException refused)
        {
            return refused;
        }
    }

    private async Task StartAsync(string guestId, string hostId) =>
        await fleet.Guests.StartGuestAsync(new StartGuestRequest { GuestId = guestId, HostId = hostId });

    private async Task RemoveAsync(string guestId) => await fleet.Guests.RemoveGuestAsync(new RemoveGuestRequest { GuestId = guestId });
}
