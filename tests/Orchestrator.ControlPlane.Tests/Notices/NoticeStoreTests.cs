using Google.Protobuf.WellKnownTypes;
using Orchestrator.ControlPlane.Migrations.Admission;
using Orchestrator.ControlPlane.Notices;
using Orchestrator.ControlPlane.Tests.Migrations;
using Orchestrator.TestPostgres;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Notices;

/// <summary>The life of a notice and the wait of its migration, on a real database and with a clock the test moves.</summary>
public sealed class NoticeStoreTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private static readonly CancellationToken s_none = CancellationToken.None;

    private readonly NoticeStore _notices = new(Gate.To(postgres));
    private Fleet _fleet = null!;

    private DateTimeOffset Now => _fleet.Clock.GetUtcNow();

    public async Task InitializeAsync() => _fleet = await new Fleet(postgres.DataSource).StartAsync(dispatch: false);

    public Task DisposeAsync() => _fleet.DisposeAsync().AsTask();

    [Fact]
    public async Task Queued_WithTerms_OpensANoticeAndWaits()
    {
        var (move, notice) = await StartAsync(Terms(TimeSpan.FromMinutes(10)));

        Assert.Equal(
            (move.Id, move.GuestId, move.SourceHost, "tests", NoticeState.Open, Now, Now.AddMinutes(10)),
            (notice.MigrationId, notice.GuestId, notice.SourceHostId, notice.Reason, notice.State, notice.OpenedAt, notice.EndsAt));
        Assert.False(await IsLetThroughAsync(move));
    }

    [Fact]
    public async Task Queued_Again_IsTheSameNotice()
    {
        var (move, notice) = await StartAsync(Terms(TimeSpan.FromMinutes(10)));
        var request = (await move.FindAsync()).Request;
        Assert.True(StartMigrationCommand.TryParse(request, Now, out var command, out _));

        Assert.Equal(AdmissionOutcome.AdmittedBefore, (await _fleet.Admission.AdmitAsync(command, s_none)).Outcome);

        Assert.Equal(notice, Assert.Single(await _notices.ListAsync(move.GuestId, false, null, 10, s_none)));
    }

    [Fact]
    public async Task Queued_WithoutTerms_TellsNobody()
    {
        var move = await _fleet.AddGuestAsync();
        await move.StartAsync();

        Assert.Empty(await _notices.ListAsync(move.GuestId, false, null, 10, s_none));
        Assert.True(await IsLetThroughAsync(move));
    }

    [Fact]
    public async Task Queued_WithTheGuestsOwnTerms_OpensANoticeUnderThem_UnlessTheRequestHasSome()
    {
        var own = await _fleet.AddGuestAsync();
        var overridden = await _fleet.AddGuestAsync();
        foreach (var move in new[] { own, overridden })
        {
            await _fleet.ExecuteAsync(
                "UPDATE guests SET notice = @terms::jsonb WHERE guest_id = @GuestId",
                new { terms = ProtoJson.Write(Terms(TimeSpan.FromMinutes(7))), move.GuestId });
        }

        await own.StartAsync();
        await overridden.StartAsync(change: request => request.Notice = Terms(TimeSpan.FromMinutes(3)));

        Assert.Equal(Now.AddMinutes(7), (await OneAsync(own)).EndsAt);
        Assert.Equal(Now.AddMinutes(3), (await OneAsync(overridden)).EndsAt);
    }

    [Fact]
    public async Task LeadTimeOfZero_TellsWithoutAWait()
    {
        var (move, _) = await StartAsync(Terms(TimeSpan.Zero));

        Assert.True(await IsLetThroughAsync(move));
    }

    [Fact]
    public async Task Acknowledged_ByTermsThatEndTheWait_GoesOnAtOnce()
    {
        var (move, notice) = await StartAsync(Terms(TimeSpan.FromHours(1), acknowledgementEndsWait: true));

        var result = await _notices.AcknowledgeAsync(notice.NoticeId, "the owner", Now, s_none);

        Assert.Equal((AcknowledgeOutcome.Acknowledged, "the owner", Now), (result.Outcome, result.Notice?.AcknowledgedBy, result.Notice?.ClosedAt));
        Assert.True(await IsLetThroughAsync(move));
        var again = await _notices.AcknowledgeAsync(notice.NoticeId, "somebody else", Now, s_none);
        Assert.Equal((AcknowledgeOutcome.Acknowledged, "the owner"), (again.Outcome, again.Notice?.AcknowledgedBy));
    }

    [Fact]
    public async Task Acknowledged_ByTermsThatWaitInAnyCase_WaitsOn()
    {
        var (move, notice) = await StartAsync(Terms(TimeSpan.FromHours(1)));

        Assert.Equal(AcknowledgeOutcome.Acknowledged, (await _notices.AcknowledgeAsync(notice.NoticeId, "", Now, s_none)).Outcome);
        Assert.False(await IsLetThroughAsync(move));
        _fleet.Clock.Advance(TimeSpan.FromHours(1));

        Assert.True(await IsLetThroughAsync(move));
    }

    [Fact]
    public async Task Acknowledged_OfNothing_IsUnknown() => Assert.Equal(
        AcknowledgeOutcome.Unknown, (await _notices.AcknowledgeAsync(Guid.NewGuid(), "", Now, s_none)).Outcome);

    [Fact]
    public async Task TimedOut_GoesOn_AndIsNotAcknowledgedAnyMore()
    {
        var (move, notice) = await StartAsync(Terms(TimeSpan.FromMinutes(10), acknowledgementEndsWait: true));
        _fleet.Clock.Advance(TimeSpan.FromMinutes(10));

        // Before anybody has looked, too.
        Assert.Equal(AcknowledgeOutcome.Closed, (await _notices.AcknowledgeAsync(notice.NoticeId, "", Now, s_none)).Outcome);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _notices.CloseAsync(Now, s_none)));

        var closed = await OneAsync(move);
        Assert.Equal((NoticeState.TimedOut, Now, notice.Revision + 1), (closed.State, closed.ClosedAt, closed.Revision));
        Assert.True(await IsLetThroughAsync(move));
    }

    [Fact]
    public async Task Withdrawn_WhenTheMigrationEndsFirst()
    {
        var (move, notice) = await StartAsync(Terms(TimeSpan.FromMinutes(10)));
        await _fleet.Wishes.CancelAsync(move.Id, "changed our mind", s_none);
        Assert.Equal(AcknowledgeOutcome.Closed, (await _notices.AcknowledgeAsync(notice.NoticeId, "", Now, s_none)).Outcome);

        await _notices.CloseAsync(Now, s_none);

        Assert.Equal(NoticeState.Withdrawn, (await OneAsync(move)).State);
    }

    [Fact]
    public async Task Changes_OfATransactionThatCommitsLate_AreNotPassedOver()
    {
        var (first, _) = await StartAsync(Terms(TimeSpan.FromMinutes(10)));
        var (second, _) = await StartAsync(Terms(TimeSpan.FromMinutes(10)));
        var from = await _notices.ReadHorizonAsync(s_none);
        await using var late = await postgres.DataSource.OpenConnectionAsync();
        await using var transaction = await late.BeginTransactionAsync();
        await using (var command = late.CreateCommand())
        {
            command.CommandText = "UPDATE notices SET revision = revision + 1, changed_in = pg_current_xact_id() WHERE migration_id = $1";
            command.Parameters.AddWithValue(first.Id);
            await command.ExecuteNonQueryAsync();
        }

        // Begun later and committed before.
        await _notices.AcknowledgeAsync((await OneAsync(second)).NoticeId, "", Now, s_none);
        var between = await _notices.ReadHorizonAsync(s_none);
        var seen = (await _notices.ListChangedAsync("", from, between, s_none)).ToList();
        await transaction.CommitAsync();
        seen.AddRange(await _notices.ListChangedAsync("", between, await _notices.ReadHorizonAsync(s_none), s_none));

        Assert.Equal([first.Id, second.Id], seen.Select(notice => notice.MigrationId));
    }

    [Fact]
    public void Parse_TermsOutOfBounds_NamesThem()
    {
        var request = new StartMigrationRequest
        {
            MigrationId = Guid.NewGuid().ToString(),
            GuestId = "g",
            TargetHostId = "h",
            Notice = new NoticeTerms { LeadTime = TimeSpan.FromHours(25).ToDuration(), WebhookUrl = "ftp://owner.example/" },
        };

        Assert.False(StartMigrationCommand.TryParse(request, Now, out _, out var violations));
        Assert.Equal(["notice.lead_time", "notice.webhook_url"], violations.Found.Select(found => found.Field).Order());
    }

    private static NoticeTerms Terms(TimeSpan lead, bool acknowledgementEndsWait = false) =>
        new() { LeadTime = lead.ToDuration(), AcknowledgementEndsWait = acknowledgementEndsWait };

    private async Task<(Move Move, StoredNotice Notice)> StartAsync(NoticeTerms terms)
    {
        var move = await _fleet.AddGuestAsync();
        var result = await move.StartAsync(change: request =>
        {
            request.Notice = terms;
            request.RequestedBy = "tests";
        });
        Assert.Equal(AdmissionOutcome.Admitted, result.Outcome);
        return (move, await OneAsync(move));
    }

    private async Task<StoredNotice> OneAsync(Move move) => Assert.Single(await _notices.ListAsync(move.GuestId, false, null, 10, s_none));

    private async Task<bool> IsLetThroughAsync(Move move)
    {
        await _fleet.Round.RunAsync(s_none);
        return await _fleet.ScalarAsync<bool>("SELECT EXISTS (SELECT FROM migration_slots WHERE migration_id = @Id)", new { move.Id });
    }
}
