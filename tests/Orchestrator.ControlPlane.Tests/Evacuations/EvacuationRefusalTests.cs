using Google.Rpc;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Evacuations;

/// <summary>Requests that cannot be: each error says what is wrong and what is allowed.</summary>
public sealed class EvacuationRefusalTests(EvacuationFixture fixture) : IClassFixture<EvacuationFixture>, IAsyncLifetime
{
    private readonly Rack _rack = new(fixture.Fleet);

    public static TheoryData<string, string> Nonsense => new()
    {
        { """{ "evacuationId": "x" }""", "evacuation_id" },
        { """{ "requestedBy": "LONG" }""", "requested_by" },
        { """{ "spec": { "hostIds": [] } }""", "spec.host_ids" },
        { """{ "spec": { "hostLabels": { "rack": "7" } } }""", "spec.host_labels" },
        { """{ "spec": { "hostIds": ["Not A Name"] } }""", "spec.host_ids[1]" },
        { """{ "spec": { "hostIds": ["a-host"] } }""", "spec.host_ids[1]" },
        { """{ "spec": { "maxHostsOut": -1 } }""", "spec.max_hosts_out" },
        { """{ "spec": { "policy": "Not A Name" } }""", "spec.policy" },
        { """{ "spec": { "retryPolicies": ["a", "b", "c", "d", "e", "f", "g", "h", "i"] } }""", "spec.retry_policies" },
        { """{ "spec": { "retryPolicies": ["Not A Name"] } }""", "spec.retry_policies[0]" },
        { """{ "spec": { "maxDowntime": "-1s" } }""", "spec.max_downtime" },
        { """{ "spec": { "backoff": "0.5s" } }""", "spec.backoff" },
        { """{ "spec": { "backoff": "-10s" } }""", "spec.backoff" },
        { """{ "spec": { "maxAttempts": -1 } }""", "spec.max_attempts" },
        { """{ "spec": { "maxAttempts": 21 } }""", "spec.max_attempts" },
        { """{ "spec": { "deadline": "2020-01-01T00:00:00Z" } }""", "spec.deadline" },
        { """{ "spec": { "deadline": "2300-01-01T00:00:00Z" } }""", "spec.deadline" },
        { """{ "spec": { "overrides": [{ "guestId": "g" }, { "guestId": "g" }] } }""", "spec.overrides[1].guest_id" },
        { """{ "spec": { "overrides": [{ "guestId": "" }] } }""", "spec.overrides[0].guest_id" },
        { """{ "spec": { "overrides": [{ "guestId": "g", "treatment": 9 }] } }""", "spec.overrides[0].treatment" },
        { """{ "spec": { "overrides": [{ "guestId": "g", "policy": "Not A Name" }] } }""", "spec.overrides[0].policy" },
        { """{ "spec": { "overrides": [{ "guestId": "g", "maxDowntime": "3000s" }] } }""", "spec.overrides[0].max_downtime" },
        { """{ "spec": { "overrides": [{ "guestId": "g", "targetHostId": "a-host" }] } }""", "spec.overrides[0].target_host_id" },
        { """{ "spec": { "notice": { "leadTime": "-1s" } } }""", "spec.notice.lead_time" },
        { """{ "spec": { "reason": "LONG" } }""", "spec.reason" },
        { """{ "spec": { "priorityClass": "no-such-class" } }""", "spec.priority_class" },
    };

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _rack.ClearAsync();

    [Theory]
    [MemberData(nameof(Nonsense))]
    public async Task WhatIsNonsense_IsRefusedByItsField(string change, string field)
    {
        var changed = StartEvacuationRequest.Parser.ParseJson(change.Replace("LONG", new string('x', 501), StringComparison.Ordinal));
        var request = new StartEvacuationRequest { EvacuationId = Guid.NewGuid().ToString(), Spec = new EvacuationSpec { HostIds = { "a-host" } } };
        if (change.Contains("\"hostIds\": []", StringComparison.Ordinal))
        {
            request.Spec.HostIds.Clear();
        }

        request.MergeFrom(changed);
        Assert.Equal([field], await Refused.FieldsAsync(async () => await _rack.Evacuations.StartEvacuationAsync(request)));
        if (field.StartsWith("spec", StringComparison.Ordinal))
        {
            Assert.Equal([field], await Refused.FieldsAsync(
                async () => await _rack.Evacuations.PlanEvacuationAsync(new PlanEvacuationRequest { Spec = request.Spec })));
        }
    }

    [Fact]
    public async Task TooMuchOfEverything_IsRefusedAtOnce()
    {
        var spec = new EvacuationSpec
        {
            HostIds = { Enumerable.Range(0, 257).Select(host => $"host-{host}") },
            Overrides = { Enumerable.Range(0, 10_001).Select(guest => new GuestOverride { GuestId = $"guest-{guest}" }) },
        };
        Assert.Equal(
            ["spec.host_ids", "spec.overrides"],
            await Refused.FieldsAsync(async () => await _rack.Evacuations.PlanEvacuationAsync(new PlanEvacuationRequest { Spec = spec })));
        Assert.Equal(
            ["spec.host_labels"],
            await Refused.FieldsAsync(async () => await _rack.Evacuations.PlanEvacuationAsync(new PlanEvacuationRequest
            {
                Spec = new EvacuationSpec { HostLabels = { Enumerable.Range(0, 17).ToDictionary(label => $"l{label}", _ => "x") } },
            })));
        Assert.Equal(["spec"], await Refused.FieldsAsync(async () => await _rack.Evacuations.PlanEvacuationAsync(new PlanEvacuationRequest())));
    }

    [Fact]
    public async Task WhatTheFleetDoesNotHave_IsNamed()
    {
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        var refused = await Refused.WithAsync("HOST_UNKNOWN", Grpc.Core.StatusCode.NotFound, () => _rack.StartAsync(
            host,
            spec =>
            {
                spec.HostIds.Add("no-such-host");
                spec.Overrides.Add(new GuestOverride { GuestId = "g", TargetHostId = "nor-this-one" });
            }));
        Assert.Equal("no-such-host,nor-this-one", Refusal.FindDetail<ErrorInfo>(refused)?.Metadata["host_ids"]);
        await Refused.WithAsync("NO_HOST_MATCHES", Grpc.Core.StatusCode.NotFound, () => _rack.StartAsync(host, spec =>
        {
            spec.HostIds.Clear();
            spec.HostLabels["hall"] = "nowhere";
        }));
        var policies = await Refused.WithAsync("POLICY_UNKNOWN", Grpc.Core.StatusCode.NotFound, () => _rack.StartAsync(host, spec =>
        {
            spec.Policy = "no-such-policy";
            spec.RetryPolicies.Add("post-copy");
            spec.Overrides.Add(new GuestOverride { GuestId = "g", Policy = "nor-this-one" });
        }));
        Assert.Equal("no-such-policy,nor-this-one", Refusal.FindDetail<ErrorInfo>(policies)?.Metadata["policies"]);
        var guests = await Refused.WithAsync("GUEST_UNKNOWN", Grpc.Core.StatusCode.NotFound, () => _rack.StartAsync(host, spec => spec.Overrides.Add(
            [
                new GuestOverride { GuestId = "no-such-guest", Treatment = GuestTreatment.Skip },
                new GuestOverride { GuestId = "nor-this-one", Treatment = GuestTreatment.Skip },
            ])));
        Assert.Equal("no-such-guest,nor-this-one", Refusal.FindDetail<ErrorInfo>(guests)?.Metadata["guest_ids"]);
    }

    [Fact]
    public async Task WholeFleet_IsRefused_AndRollingIsNot()
    {
        var hosts = new[] { await _rack.AddHostAsync(), await _rack.AddHostAsync() };
        var spec = new EvacuationSpec { HostIds = { hosts.Select(host => host.HostId) } };
        await Refused.WithAsync("WHOLE_FLEET", Grpc.Core.StatusCode.FailedPrecondition, async () =>
            await _rack.Evacuations.PlanEvacuationAsync(new PlanEvacuationRequest { Spec = spec }));
        spec.MaxHostsOut = 1;
        await _rack.Evacuations.PlanEvacuationAsync(new PlanEvacuationRequest { Spec = spec });

        // A host that takes nobody is no place to move to.
        var cordoned = await _rack.AddHostAsync();
        await _rack.CordonAsync(cordoned);
        spec.MaxHostsOut = 2;
        var refused = await Refused.WithAsync("WHOLE_FLEET", Grpc.Core.StatusCode.FailedPrecondition, async () =>
            await _rack.Evacuations.PlanEvacuationAsync(new PlanEvacuationRequest { Spec = spec }));
        Assert.Contains("2 of 3 hosts, and the other 1 cordoned or dead", refused.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HostThatIsBeingEvacuated_AndIdThatIsTaken_AreRefusedOnEveryReplica()
    {
        var host = await _rack.AddHostAsync();
        await _rack.AddHostAsync();
        _rack.Moves.Held[await _rack.AddGuestAsync(host)] = true;
        var request = Rack.Request(host);
        var started = (await _rack.Evacuations.StartEvacuationAsync(request)).Evacuation;
        var other = new EvacuationService.EvacuationServiceClient(fixture.Other);

        Assert.Equal(started.CreatedAt, (await other.StartEvacuationAsync(request)).Evacuation.CreatedAt);
        var refused = await Refused.WithAsync("ALREADY_EVACUATING", Grpc.Core.StatusCode.FailedPrecondition, async () =>
            await other.StartEvacuationAsync(Rack.Request(host)));
        var why = Refusal.FindDetail<ErrorInfo>(refused)!.Metadata;
        Assert.Equal((host.HostId, started.EvacuationId), (why["host_id"], why["evacuation_id"]));
        await Refused.WithAsync("ALREADY_EVACUATING", Grpc.Core.StatusCode.FailedPrecondition, async () =>
            await other.PlanEvacuationAsync(new PlanEvacuationRequest { Spec = request.Spec }));
        await Refused.WithAsync("EVACUATION_EXISTS", Grpc.Core.StatusCode.AlreadyExists, async () =>
            await other.StartEvacuationAsync(new StartEvacuationRequest(request) { RequestedBy = "somebody else" }));
        await other.CancelEvacuationAsync(new CancelEvacuationRequest { EvacuationId = started.EvacuationId });
        await _rack.EndAsync(started.EvacuationId, EvacuationState.Cancelled);

        // The same request is the same evacuation, also when it is over; a new one may begin.
        Assert.Equal(EvacuationState.Cancelled, (await other.StartEvacuationAsync(request)).Evacuation.State);
        var next = await _rack.StartAsync(host);
        await other.CancelEvacuationAsync(new CancelEvacuationRequest { EvacuationId = next.EvacuationId });
        await _rack.EndAsync(next.EvacuationId, EvacuationState.Cancelled);
    }

    [Fact]
    public async Task WhatIsNotThere_IsUnknownToEveryMethod_AndBadIdsAndModesAreRefused()
    {
        var id = Guid.NewGuid().ToString();
        foreach (var call in Calls(id))
        {
            await Refused.WithAsync("EVACUATION_UNKNOWN", Grpc.Core.StatusCode.NotFound, call);
        }

        foreach (var call in Calls("x"))
        {
            Assert.Equal(["evacuation_id"], await Refused.FieldsAsync(call));
        }

        Assert.Equal(["reason", "mode"], await Refused.FieldsAsync(async () => await _rack.Evacuations.CancelEvacuationAsync(
            new CancelEvacuationRequest { EvacuationId = id, Mode = (EvacuationCancelMode)7, Reason = new string('x', 501) })));
        Assert.Equal(["page_size", "page_token"], await Refused.FieldsAsync(async () => await _rack.Evacuations.ListEvacuationsAsync(
            new ListEvacuationsRequest { PageSize = 1001, PageToken = "eA" })));
    }

    [Fact]
    public async Task List_GoesByPages_NewestFirst_WithoutGuestsAndPlans()
    {
        var hosts = new[] { await _rack.AddHostAsync(), await _rack.AddHostAsync(), await _rack.AddHostAsync() };
        await _rack.AddHostAsync();
        List<string> started = [];
        foreach (var host in hosts)
        {
            _rack.Moves.Held[await _rack.AddGuestAsync(host)] = true;
            started.Add((await _rack.StartAsync(host)).EvacuationId);
        }

        var (listed, request) = (new List<Evacuation>(), new ListEvacuationsRequest { PageSize = 2, RunningOnly = true });
        do
        {
            var page = await _rack.Evacuations.ListEvacuationsAsync(request);
            Assert.InRange(page.Evacuations.Count, 1, 2);
            listed.AddRange(page.Evacuations);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        Assert.Equal(started.AsEnumerable().Reverse(), listed.Select(evacuation => evacuation.EvacuationId));
        Assert.All(listed, evacuation => Assert.Equal((0, null, 1), (evacuation.Guests.Count, evacuation.Plan, evacuation.Hosts.Count)));
        foreach (var evacuationId in started)
        {
            await _rack.Evacuations.CancelEvacuationAsync(new CancelEvacuationRequest { EvacuationId = evacuationId });
            await _rack.EndAsync(evacuationId, EvacuationState.Cancelled);
        }
    }

    private IEnumerable<Func<Task>> Calls(string id) =>
    [
        async () => await _rack.Evacuations.GetEvacuationAsync(new GetEvacuationRequest { EvacuationId = id }),
        async () => await _rack.Evacuations.PauseEvacuationAsync(new PauseEvacuationRequest { EvacuationId = id }),
        async () => await _rack.Evacuations.ResumeEvacuationAsync(new ResumeEvacuationRequest { EvacuationId = id }),
        async () => await _rack.Evacuations.CancelEvacuationAsync(new CancelEvacuationRequest { EvacuationId = id }),
        async () =>
        {
            using var watch = _rack.Evacuations.WatchEvacuation(new WatchEvacuationRequest { EvacuationId = id });
            await watch.ResponseStream.MoveNext(CancellationToken.None);
        },
    ];
}
