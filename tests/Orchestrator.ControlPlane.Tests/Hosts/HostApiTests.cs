using Grpc.Core;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Hosts;

public sealed class HostApiTests(ControlPlaneFixture fleet) : IClassFixture<ControlPlaneFixture>
{
    [Fact]
    public async Task RegisterHost_AsksTheAgentAndConnects_AndARepeatIsTheSameHost()
    {
        await using var agent = await ScriptedAgent.StartAsync(ControlPlaneFixture.NewId("host"));
        var request = new RegisterHostRequest { HostId = agent.HostId, AgentEndpoint = agent.Endpoint, Labels = { ["rack"] = "r12" } };

        var first = (await fleet.Hosts.RegisterHostAsync(request)).Host;
        await Eventually.HoldsAsync(async () => await StateOfAsync(agent.HostId) == HostState.Connected);
        var second = (await fleet.Hosts.RegisterHostAsync(request)).Host;

        Assert.Equal("scripted", first.Description.AgentVersion);
        Assert.Equal("r12", first.Labels["rack"]);
        Assert.Equal(first.RegisteredAt, second.RegisteredAt);
        Assert.Equal(HostState.Connected, second.State);
        Assert.True(second.LastSeenAt >= first.LastSeenAt);
    }

    [Fact]
    public async Task RegisterHost_RepeatedWhileTheAgentIsDown_IsAnsweredAllTheSame()
    {
        var agent = await fleet.AddHostAsync();
        await agent.DisposeAsync();

        var again = await fleet.Hosts.RegisterHostAsync(new RegisterHostRequest { HostId = agent.HostId, AgentEndpoint = agent.Endpoint });

        Assert.Equal(agent.HostId, again.Host.HostId);
        await Eventually.HoldsAsync(async () => await StateOfAsync(agent.HostId) == HostState.Suspect);
    }

    [Fact]
    public async Task RegisterHost_WhatCannotBe_IsRefusedAndNothingIsWritten()
    {
        await using var agent = await ScriptedAgent.StartAsync(ControlPlaneFixture.NewId("host"));
        var other = ControlPlaneFixture.NewId("other");

        await Refused.WithAsync("AGENT_IS_ANOTHER_HOST", StatusCode.FailedPrecondition, () => RegisterAsync(other, agent.Endpoint));
        await Refused.WithAsync("AGENT_UNREACHABLE", StatusCode.Unavailable, () => RegisterAsync(other, "http://127.0.0.1:9"));
        await Refused.WithAsync(
            "HOST_UNKNOWN", StatusCode.NotFound, async () => await fleet.Hosts.GetHostAsync(new GetHostRequest { HostId = other }));

        await RegisterAsync(agent.HostId, agent.Endpoint);
        await Refused.WithAsync("HOST_EXISTS", StatusCode.AlreadyExists, () => RegisterAsync(agent.HostId, "http://127.0.0.1:9"));
    }

    [Theory]
    [InlineData("https://127.0.0.1:1")]
    [InlineData("127.0.0.1:1")]
    [InlineData("http://user@127.0.0.1:1")]
    [InlineData("http://127.0.0.1:1/path")]
    [InlineData("http://127.0.0.1:1?q")]
    [InlineData("file:///etc/passwd")]
    [InlineData("")]
    public async Task RegisterHost_EndpointThatIsNone_IsNamed(string endpoint) =>
        Assert.Equal(["agent_endpoint"], await Refused.FieldsAsync(() => RegisterAsync("host", endpoint)));

    [Fact]
    public async Task NonsenseInEveryField_NamesEveryField()
    {
        var nonsense = new RegisterHostRequest
        {
            HostId = "Not A Name",
            AgentEndpoint = new string('x', 300),
            Labels = { [""] = "x", [new string('k', 64)] = "x", ["long"] = new string('v', 64), ["nul\0"] = "" },
        };
        nonsense.Labels.Add(Enumerable.Range(0, 70).ToDictionary(n => $"label{n}", _ => ""));
        var fields = await Refused.FieldsAsync(async () => await fleet.Hosts.RegisterHostAsync(nonsense));
        Assert.Equal(["agent_endpoint", "host_id", "labels"], fields.Where(field => !field.StartsWith("labels[", StringComparison.Ordinal)).Order());
        Assert.Contains("labels[]", fields);
        Assert.Contains("labels[long]", fields);

        Assert.Equal(
            ["page_size", "page_token"],
            await Refused.FieldsAsync(async () => await fleet.Hosts.ListHostsAsync(new ListHostsRequest { PageSize = 1001, PageToken = "%" })));
        Assert.Equal(
            ["host_id", "reason"],
            await Refused.FieldsAsync(async () => await fleet.Hosts.CordonHostAsync(
                new CordonHostRequest { HostId = "", Reason = new string('r', 501) })));
        Assert.Equal(["host_id"], await Refused.FieldsAsync(async () => await fleet.Hosts.GetHostAsync(new GetHostRequest { HostId = "a\n" })));
        Assert.Equal(["host_id"], await Refused.FieldsAsync(async () => await fleet.Hosts.UncordonHostAsync(new UncordonHostRequest())));
        Assert.Equal(["host_id"], await Refused.FieldsAsync(async () => await fleet.Hosts.RemoveHostAsync(new RemoveHostRequest())));
    }

    [Fact]
    public async Task UnknownHost_IsNotFoundEverywhere()
    {
        var nobody = ControlPlaneFixture.NewId("nobody");
        await Refused.WithAsync(
            "HOST_UNKNOWN", StatusCode.NotFound, async () => await fleet.Hosts.CordonHostAsync(new CordonHostRequest { HostId = nobody }));
        await Refused.WithAsync(
            "HOST_UNKNOWN", StatusCode.NotFound, async () => await fleet.Hosts.UncordonHostAsync(new UncordonHostRequest { HostId = nobody }));
        await Refused.WithAsync(
            "HOST_UNKNOWN", StatusCode.NotFound, async () => await fleet.Hosts.RemoveHostAsync(new RemoveHostRequest { HostId = nobody }));
    }

    [Fact]
    public async Task CordonAndUncordon_AreRepeatable()
    {
        await using var agent = await fleet.AddHostAsync();
        var cordon = new CordonHostRequest { HostId = agent.HostId, Reason = "new fan" };

        await fleet.Hosts.CordonHostAsync(cordon);
        var cordoned = (await fleet.Hosts.CordonHostAsync(cordon)).Host;
        Assert.True(cordoned is { Cordoned: true, CordonReason: "new fan" });

        await fleet.Hosts.UncordonHostAsync(new UncordonHostRequest { HostId = agent.HostId });
        var free = (await fleet.Hosts.UncordonHostAsync(new UncordonHostRequest { HostId = agent.HostId })).Host;
        Assert.True(free is { Cordoned: false, CordonReason: "" });
        var events = await fleet.Hosts.ListHostEventsAsync(new ListHostEventsRequest { HostId = agent.HostId, PageSize = 1 });
        Assert.Equal(HostEventKind.Uncordoned, Assert.Single(events.Events).Kind);
        var before = await fleet.Hosts.ListHostEventsAsync(
            new ListHostEventsRequest { HostId = agent.HostId, PageToken = events.NextPageToken });
        Assert.True(Assert.Single(before.Events) is { Kind: HostEventKind.Cordoned, Message: "new fan", Caller.Length: > 0 });
        Assert.Equal("", before.NextPageToken);
    }

    [Fact]
    public async Task RemoveHost_WithAGuest_IsRefused_AndWithoutItEndsTheStream()
    {
        await using var agent = await fleet.AddHostAsync();
        var guestId = await fleet.DefineGuestAsync();
        await fleet.Guests.StartGuestAsync(new StartGuestRequest { GuestId = guestId, HostId = agent.HostId });

        await Refused.WithAsync(
            "HOST_IN_USE",
            StatusCode.FailedPrecondition,
            async () => await fleet.Hosts.RemoveHostAsync(new RemoveHostRequest { HostId = agent.HostId }));

        await fleet.Guests.StopGuestAsync(new StopGuestRequest { GuestId = guestId });
        await fleet.Hosts.RemoveHostAsync(new RemoveHostRequest { HostId = agent.HostId });
        await Eventually.HoldsAsync(() => agent.Streams == 0);
    }

    [Fact]
    public async Task ListHosts_GivesEachOnceInOrder_WhateverThePage()
    {
        var prefix = ControlPlaneFixture.NewId("list");
        var agents = await Task.WhenAll(Enumerable.Range(0, 5).Select(n => fleet.AddHostAsync($"{prefix}-{n}")));
        var listed = new List<string>();
        var token = "";
        do
        {
            var page = await fleet.Hosts.ListHostsAsync(new ListHostsRequest { PageSize = 2, PageToken = token });
            Assert.True(page.Hosts.Count is > 0 and <= 2);
            listed.AddRange(page.Hosts.Select(host => host.HostId));
            token = page.NextPageToken;
        }
        while (token.Length > 0);

        Assert.Equal(listed.Order(StringComparer.Ordinal).Distinct(), listed);
        Assert.Equal(5, listed.Count(id => id.StartsWith(prefix, StringComparison.Ordinal)));
        foreach (var agent in agents)
        {
            await agent.DisposeAsync();
        }
    }

    private async Task RegisterAsync(string hostId, string endpoint) =>
        await fleet.Hosts.RegisterHostAsync(new RegisterHostRequest { HostId = hostId, AgentEndpoint = endpoint });

    private async Task<HostState> StateOfAsync(string hostId) =>
        (await fleet.Hosts.GetHostAsync(new GetHostRequest { HostId = hostId })).Host.State;
}
