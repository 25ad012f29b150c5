using Dapper;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.TestPostgres;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Policies;

public sealed class PolicyStoreTests(PostgresFixture database) : IClassFixture<PostgresFixture>
{
    private static readonly DateTimeOffset s_now = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);
    private readonly PolicyStore _policies = new(Gate.To(database));

    [Fact]
    public async Task CreateThenFind_GivesEveryColumnBack()
    {
        var name = ControlPlaneFixture.NewId("policy");
        var document = PolicySample.Everything();

        var result = await _policies.CreateAsync(name, document, s_now, CancellationToken.None);

        Assert.Equal(WritePolicyOutcome.Written, result.Outcome);
        Assert.Equal(new StoredPolicy(name, 1, document, s_now, Preset: false, Deleted: false), result.Policy);
        Assert.Equal(result.Policy, await _policies.FindAsync(name, 1, CancellationToken.None));
        await using var connection = await database.DataSource.OpenConnectionAsync();
        var columns = await connection.QueryAsync<string>(new CommandDefinition(
            "SELECT column_name FROM information_schema.columns WHERE table_name IN ('policies', 'policy_revisions') ORDER BY 1"));
        Assert.Equal(["created_at", "deleted", "document", "name", "newest_revision", "policy_name", "preset", "revision"], columns);
    }

    [Fact]
    public async Task Create_TheSameAgain_IsTheSameAnswer_EvenAfterAnUpdate()
    {
        var name = await CreateAsync(1);
        Assert.Equal(1, (await _policies.CreateAsync(name, Document(1), s_now, CancellationToken.None)).Policy?.Revision);

        await _policies.UpdateAsync(name, Document(2), 1, s_now, CancellationToken.None);

        Assert.Equal(1, (await _policies.CreateAsync(name, Document(1), s_now, CancellationToken.None)).Policy?.Revision);
        Assert.Equal(WritePolicyOutcome.Exists, (await _policies.CreateAsync(name, Document(3), s_now, CancellationToken.None)).Outcome);
    }

    [Fact]
    public async Task Update_TwoWritersOfOneRevision_OneWins()
    {
        for (var round = 0; round < 10; round++)
        {
            var name = await CreateAsync(1);

            var results = await Task.WhenAll(Enumerable.Range(2, 2).Select(
                n => Task.Run(() => _policies.UpdateAsync(name, Document(n), 1, s_now, CancellationToken.None))));

            Assert.Equal(
                [WritePolicyOutcome.Written, WritePolicyOutcome.Stale], results.Select(result => result.Outcome).Order());
            Assert.Equal(2, (await _policies.FindAsync(name, 0, CancellationToken.None))?.Revision);
        }
    }

    [Fact]
    public async Task Update_TenWritersWhoNameNoRevision_AllGetOne()
    {
        var name = await CreateAsync(1);

        var results = await Task.WhenAll(Enumerable.Range(2, 10).Select(
            n => Task.Run(() => _policies.UpdateAsync(name, Document(n), 0, s_now, CancellationToken.None))));

        Assert.Equal(Enumerable.Range(2, 10), results.Select(result => result.Policy!.Revision).Order());
        Assert.All(results, result => Assert.Equal(WritePolicyOutcome.Written, result.Outcome));
    }

    [Fact]
    public async Task Update_Repeated_IsTheSameAnswer()
    {
        var name = await CreateAsync(1);
        Assert.Equal(WritePolicyOutcome.Written, (await _policies.UpdateAsync(name, Document(2), 1, s_now, CancellationToken.None)).Outcome);

        var again = await _policies.UpdateAsync(name, Document(2), 1, s_now, CancellationToken.None);

        Assert.Equal((WritePolicyOutcome.WrittenBefore, 2), (again.Outcome, again.Policy!.Revision));
        Assert.Equal(
            WritePolicyOutcome.Stale, (await _policies.UpdateAsync(name, Document(3), 1, s_now, CancellationToken.None)).Outcome);
    }

    [Fact]
    public async Task Delete_Hides_KeepsTheRecord_AndACreateGoesOnFromThere()
    {
        var name = await CreateAsync(1);
        Assert.Equal(DeletePolicyOutcome.Deleted, await _policies.DeleteAsync(name, CancellationToken.None));
        Assert.Equal(DeletePolicyOutcome.Deleted, await _policies.DeleteAsync(name, CancellationToken.None));

        Assert.True((await _policies.FindAsync(name, 1, CancellationToken.None))?.Deleted);
        Assert.DoesNotContain(await _policies.ListAsync("", 1000, false, CancellationToken.None), policy => policy.Name == name);
        Assert.Contains(await _policies.ListAsync("", 1000, true, CancellationToken.None), policy => policy.Name == name);
        Assert.Equal(WritePolicyOutcome.Unknown, (await _policies.UpdateAsync(name, Document(2), 0, s_now, CancellationToken.None)).Outcome);

        var revived = await _policies.CreateAsync(name, Document(5), s_now, CancellationToken.None);
        Assert.Equal((2, false), (revived.Policy!.Revision, revived.Policy.Deleted));
        Assert.Equal(Document(1), (await _policies.FindAsync(name, 1, CancellationToken.None))!.Document);
    }

    [Fact]
    public async Task Presets_AreNeitherUpdatedNorDeleted()
    {
        Assert.Equal(WritePolicyOutcome.IsPreset, (await _policies.UpdateAsync("nova", Document(1), 0, s_now, CancellationToken.None)).Outcome);
        Assert.Equal(DeletePolicyOutcome.IsPreset, await _policies.DeleteAsync("nova", CancellationToken.None));
        Assert.Equal(DeletePolicyOutcome.Unknown, await _policies.DeleteAsync("no-such", CancellationToken.None));
    }

    [Fact]
    public async Task ListRevisions_NewestFirstFromAnywhere()
    {
        var name = await CreateAsync(1);
        await _policies.UpdateAsync(name, Document(2), 0, s_now, CancellationToken.None);
        await _policies.UpdateAsync(name, Document(3), 0, s_now, CancellationToken.None);

        var all = await _policies.ListRevisionsAsync(name, int.MaxValue, 10, CancellationToken.None);
        var rest = await _policies.ListRevisionsAsync(name, 3, 1, CancellationToken.None);

        Assert.Equal([3, 2, 1], all.Select(policy => policy.Revision));
        Assert.Equal([2], rest.Select(policy => policy.Revision));
    }

    private async Task<string> CreateAsync(int n)
    {
        var name = ControlPlaneFixture.NewId("policy");
        Assert.Equal(WritePolicyOutcome.Written, (await _policies.CreateAsync(name, Document(n), s_now, CancellationToken.None)).Outcome);
        return name;
    }

    private static PolicyDocument Document(int n)
    {
        var document = PolicySample.Everything();
        document.InitialDowntime = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(n));
        return document;
    }
}
