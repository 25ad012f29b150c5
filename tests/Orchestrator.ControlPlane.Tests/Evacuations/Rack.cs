using Grpc.Core;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Evacuations;

/// <summary>Some hosts and guests of one test in a control plane that tests share, with agents that do as they are told.</summary>
internal sealed class Rack(ControlPlaneFixture fleet)
{
    private readonly List<ScriptedAgent> _hosts = [];
    private readonly List<string> _guests = [];

    public ScriptedMoves Moves { get; } = new();

    public EvacuationService.EvacuationServiceClient Evacuations { get; set; } = new(fleet.Channel);

    public async Task<ScriptedAgent> AddHostAsync(params (string Key, string Value)[] labels)
    {
        var agent = await fleet.AddHostAsync();
        Moves.Play(agent);
        _hosts.Add(agent);
        var request = new RegisterHostRequest { HostId = agent.HostId, AgentEndpoint = agent.Endpoint };
        foreach (var (key, value) in labels)
        {
            request.Labels[key] = value;
        }

        await fleet.Hosts.RegisterHostAsync(request);
        return agent;
    }

    /// <summary>A running guest of 512 MiB.</summary>
    public async Task<string> AddGuestAsync(ScriptedAgent host, Action<DefineGuestRequest>? change = null)
    {
        var guestId = ControlPlaneFixture.NewId("guest");
        var define = new DefineGuestRequest { GuestId = guestId, Spec = Sample.Spec() };
        change?.Invoke(define);
        await fleet.Guests.DefineGuestAsync(define);
        await fleet.Guests.StartGuestAsync(new StartGuestRequest { GuestId = guestId, HostId = host.HostId });
        _guests.Add(guestId);
        return guestId;
    }

    public static StartEvacuationRequest Request(ScriptedAgent host, Action<EvacuationSpec>? change = null)
    {
        var request = new StartEvacuationRequest
        {
            EvacuationId = Guid.NewGuid().ToString(),
            Spec = new EvacuationSpec { HostIds = { host.HostId }, Backoff = Migrations.Fleet.Seconds(1) },
            RequestedBy = "a test",
        };
        change?.Invoke(request.Spec);
        return request;
    }

    public async Task<Evacuation> StartAsync(ScriptedAgent host, Action<EvacuationSpec>? change = null) =>
        (await Evacuations.StartEvacuationAsync(Request(host, change))).Evacuation;

    public async Task<Evacuation> GetAsync(string evacuationId) =>
        (await Evacuations.GetEvacuationAsync(new GetEvacuationRequest { EvacuationId = evacuationId })).Evacuation;

    /// <summary>Waits until the evacuation is as wished.</summary>
    public async Task<Evacuation> UntilAsync(string evacuationId, Func<Evacuation, bool> wished)
    {
        Evacuation? last = null;
        try
        {
            await Eventually.HoldsAsync(async () => wished(last = await GetAsync(evacuationId)));
        }
        catch (Xunit.Sdk.FailException)
        {
            Assert.Fail($"It did not come to be as wished: {last}");
        }

        return last!;
    }

    public Task<Evacuation> EndAsync(string evacuationId, EvacuationState state) =>
        UntilAsync(evacuationId, evacuation => evacuation.EndedAt is null ? false : evacuation.State == state ? true
            : throw new InvalidOperationException($"It ended otherwise: {evacuation}"));

    public async Task<string> HostOfAsync(string guestId) =>
        (await fleet.Guests.GetGuestAsync(new GetGuestRequest { GuestId = guestId })).Guest.HostId;

    public async Task<bool> IsCordonedAsync(ScriptedAgent host) =>
        (await fleet.Hosts.GetHostAsync(new GetHostRequest { HostId = host.HostId })).Host.Cordoned;

    public Task CordonAsync(ScriptedAgent host) =>
        fleet.Hosts.CordonHostAsync(new CordonHostRequest { HostId = host.HostId, Reason = "a test" }).ResponseAsync;

    public Task UncordonAsync(ScriptedAgent host) => fleet.Hosts.UncordonHostAsync(new UncordonHostRequest { HostId = host.HostId }).ResponseAsync;

    public async Task RemoveAsync(ScriptedAgent host)
    {
        await fleet.Hosts.RemoveHostAsync(new RemoveHostRequest { HostId = host.HostId });
        _hosts.Remove(host);
        await host.DisposeAsync();
    }

    /// <summary>Leaves nothing behind that other tests' guests would be told of.</summary>
    public async Task ClearAsync()
    {
        foreach (var guestId in _guests)
        {
            await UnlessRefusedAsync(() => fleet.Guests.StopGuestAsync(new StopGuestRequest { GuestId = guestId }).ResponseAsync);
            await UnlessRefusedAsync(() => fleet.Guests.RemoveGuestAsync(new RemoveGuestRequest { GuestId = guestId }).ResponseAsync);
        }

        foreach (var host in _hosts)
        {
            await CordonAsync(host);
            await UnlessRefusedAsync(() => fleet.Hosts.RemoveHostAsync(new RemoveHostRequest { HostId = host.HostId }).ResponseAsync);
            await host.DisposeAsync();
        }
    }

    // After a test that failed, some of it is still under way.
    private static async Task UnlessRefusedAsync(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (RpcException)
        {
            // It stays.
        }
    }
}
