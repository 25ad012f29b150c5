using Grpc.Core;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Policies;

public sealed class PolicyApiTests(ControlPlaneFixture fleet) : IClassFixture<ControlPlaneFixture>
{
    [Fact]
    public async Task LifeOfAPolicy()
    {
        var name = ControlPlaneFixture.NewId("policy");
        var document = PolicySample.Everything();
        var create = new CreatePolicyRequest { Name = name, Document = document };

        var created = (await fleet.Policies.CreatePolicyAsync(create)).Policy;
        var repeated = (await fleet.Policies.CreatePolicyAsync(create)).Policy;
        Assert.Equal(created, repeated);
        Assert.Equal((1u, document), (created.Revision, created.Document));

        var shorter = document.Clone();
        shorter.InitialDowntime = PolicySample.Milliseconds(10);
        var update = new UpdatePolicyRequest { Name = name, Document = shorter, ExpectedRevision = 1 };
        var updated = (await fleet.Policies.UpdatePolicyAsync(update)).Policy;
        Assert.Equal(2u, updated.Revision);
        Assert.Equal(updated, (await fleet.Policies.UpdatePolicyAsync(update)).Policy);

        var other = document.Clone();
        other.Description = "other";
        await Refused.WithAsync("REVISION_STALE", StatusCode.Aborted, async () => await fleet.Policies.UpdatePolicyAsync(
            new UpdatePolicyRequest { Name = name, Document = other, ExpectedRevision = 1 }));
        await Refused.WithAsync("POLICY_EXISTS", StatusCode.AlreadyExists, async () => await fleet.Policies.CreatePolicyAsync(
            new CreatePolicyRequest { Name = name, Document = other }));

        Assert.Equal(document, (await fleet.Policies.GetPolicyAsync(new GetPolicyRequest { Name = name, Revision = 1 })).Policy.Document);
        Assert.Equal(shorter, (await fleet.Policies.GetPolicyAsync(new GetPolicyRequest { Name = name })).Policy.Document);
        var revisions = await RevisionsAsync(name);
        Assert.Equal([2u, 1u], revisions);

        await fleet.Policies.DeletePolicyAsync(new DeletePolicyRequest { Name = name });
        Assert.True((await fleet.Policies.GetPolicyAsync(new GetPolicyRequest { Name = name })).Policy.Deleted);
        await Refused.WithAsync("POLICY_UNKNOWN", StatusCode.NotFound, async () => await fleet.Policies.UpdatePolicyAsync(
            new UpdatePolicyRequest { Name = name, Document = other }));
    }

    [Fact]
    public async Task Presets_RefuseUpdateAndDelete_AndAreListed()
    {
        await Refused.WithAsync("POLICY_IS_PRESET", StatusCode.FailedPrecondition, async () => await fleet.Policies.UpdatePolicyAsync(
            new UpdatePolicyRequest { Name = "doubling", Document = PolicySample.Everything() }));
        await Refused.WithAsync("POLICY_IS_PRESET", StatusCode.FailedPrecondition, async () => await fleet.Policies.DeletePolicyAsync(
            new DeletePolicyRequest { Name = "doubling" }));

        var names = new List<string>();
        var token = "";
        do
        {
            var page = await fleet.Policies.ListPoliciesAsync(new ListPoliciesRequest { PageSize = 4, PageToken = token });
            names.AddRange(page.Policies.Where(policy => policy.Preset).Select(policy => policy.Name));
            token = page.NextPageToken;
        }
        while (token.Length > 0);
        Assert.Equal(21, names.Count);
        Assert.Equal(names.Order(StringComparer.Ordinal).Distinct(), names);
    }

    [Fact]
    public async Task Unknown_IsNotFoundEverywhere()
    {
        const string Nobody = "no-such-policy";
        await Refused.WithAsync("POLICY_UNKNOWN", StatusCode.NotFound, async () => await fleet.Policies.GetPolicyAsync(
            new GetPolicyRequest { Name = Nobody }));
        await Refused.WithAsync("POLICY_UNKNOWN", StatusCode.NotFound, async () => await fleet.Policies.GetPolicyAsync(
            new GetPolicyRequest { Name = "nova", Revision = 2 }));
        await Refused.WithAsync("POLICY_UNKNOWN", StatusCode.NotFound, async () => await fleet.Policies.DeletePolicyAsync(
            new DeletePolicyRequest { Name = Nobody }));
        await Refused.WithAsync("POLICY_UNKNOWN", StatusCode.NotFound, async () => await fleet.Policies.ListPolicyRevisionsAsync(
            new ListPolicyRevisionsRequest { Name = Nobody }));
    }

    [Fact]
    public async Task NonsenseInEveryField_NamesEveryField()
    {
        Assert.Equal(
            ["document.initial_downtime", "document.max_downtime", "document.steps", "name"],
            (await Refused.FieldsAsync(async () => await fleet.Policies.CreatePolicyAsync(new CreatePolicyRequest { Name = "_" }))).Order());
        Assert.Equal(
            ["document.initial_downtime", "document.max_downtime", "document.steps", "expected_revision", "name"],
            (await Refused.FieldsAsync(async () => await fleet.Policies.UpdatePolicyAsync(
                new UpdatePolicyRequest { ExpectedRevision = uint.MaxValue }))).Order());
        Assert.Equal(
            ["name", "revision"],
            await Refused.FieldsAsync(async () => await fleet.Policies.GetPolicyAsync(new GetPolicyRequest { Revision = uint.MaxValue })));
        Assert.Equal(
            ["page_size", "page_token"],
            await Refused.FieldsAsync(async () => await fleet.Policies.ListPoliciesAsync(
                new ListPoliciesRequest { PageSize = 1001, PageToken = "not a token" })));
        Assert.Equal(
            ["name", "page_size", "page_token"],
            await Refused.FieldsAsync(async () => await fleet.Policies.ListPolicyRevisionsAsync(
                new ListPolicyRevisionsRequest { Name = "A", PageSize = 1001, PageToken = "bm8" })));
        Assert.Equal(["name"], await Refused.FieldsAsync(async () => await fleet.Policies.DeletePolicyAsync(new DeletePolicyRequest())));
    }

    [Fact]
    public async Task ValidatePolicy_TellsAllAndStoresNothing()
    {
        var violations = (await fleet.Policies.ValidatePolicyAsync(new ValidatePolicyRequest { Document = new PolicyDocument() })).Violations;
        Assert.Equal(["initial_downtime", "max_downtime", "steps"], violations.Select(violation => violation.Field).Order());
        Assert.All(violations, violation => Assert.NotEmpty(violation.Description));
        Assert.Empty((await fleet.Policies.ValidatePolicyAsync(new ValidatePolicyRequest { Document = PolicySample.Everything() })).Violations);
    }

    [Fact]
    public async Task RequestAboveOneMebibyte_IsRefused()
    {
        var document = PolicySample.Everything();
        document.Description = new string('d', 2_000_000);

        var refused = await Assert.ThrowsAsync<RpcException>(
            async () => await fleet.Policies.ValidatePolicyAsync(new ValidatePolicyRequest { Document = document }));
        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
    }

    private async Task<IReadOnlyList<uint>> RevisionsAsync(string name)
    {
        var first = await fleet.Policies.ListPolicyRevisionsAsync(new ListPolicyRevisionsRequest { Name = name, PageSize = 1 });
        var second = await fleet.Policies.ListPolicyRevisionsAsync(
            new ListPolicyRevisionsRequest { Name = name, PageSize = 1, PageToken = first.NextPageToken });
        Assert.Equal("", second.NextPageToken);
        return [.. first.Revisions.Concat(second.Revisions).Select(policy => policy.Revision)];
    }
}
