using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Notices;
using Orchestrator.ControlPlane.Tests.Migrations;
using Orchestrator.TestPostgres;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Notices;

/// <summary>Posting notices to a real server, with a clock the test moves.</summary>
public sealed class NoticeDeliveryTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private static readonly CancellationToken s_none = CancellationToken.None;

    private readonly NoticeStore _notices = new(Gate.To(postgres));
    private readonly ServiceProvider _http = new ServiceCollection()
        .AddHttpClient(Webhook.Client).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { AllowAutoRedirect = false })
        .Services.BuildServiceProvider();

    private Fleet _fleet = null!;
    private WebhookReceiver _receiver = null!;

    public async Task InitializeAsync()
    {
        _fleet = await new Fleet(postgres.DataSource).StartAsync(dispatch: false);
        _receiver = await WebhookReceiver.StartAsync();
        await _fleet.ExecuteAsync("UPDATE notices SET next_delivery_at = NULL", new { });
    }

    public async Task DisposeAsync()
    {
        await _receiver.DisposeAsync();
        await _fleet.DisposeAsync();
        await _http.DisposeAsync();
    }

    [Fact]
    public async Task Due_IsPostedOnceAndRecorded()
    {
        var move = await StartAsync(_receiver.Url);
        await RunAsync(Delivery());
        await RunAsync(Delivery());

        var told = Assert.Single(_receiver.Notices);
        Assert.Equal((move.Id.ToString(), move.GuestId, NoticeState.Open), (told.MigrationId, told.GuestId, told.State));
        var notice = await OneAsync(move);
        Assert.Equal((1, _fleet.Clock.GetUtcNow(), ""), (notice.DeliveryAttempts, notice.DeliveredAt, notice.DeliveryError));
    }

    [Fact]
    public async Task NotTaken_IsTriedAgainWithGrowingPauses_UntilItIs()
    {
        var refuse = 3;
        _receiver.Answer = context =>
        {
            context.Response.StatusCode = refuse-- > 0 ? 503 : 204;
            return Task.CompletedTask;
        };
        var move = await StartAsync(_receiver.Url);
        var delivery = Delivery();

        await RunAsync(delivery);
        Assert.Equal((1, "answered 503"), ((await OneAsync(move)).DeliveryAttempts, (await OneAsync(move)).DeliveryError));
        foreach (var (pause, attempts) in new[] { (1, 2), (2, 3), (4, 4) })
        {
            _fleet.Clock.Advance(TimeSpan.FromSeconds(pause - 0.5));
            await RunAsync(delivery);
            Assert.Equal(attempts - 1, _receiver.Notices.Count);
            _fleet.Clock.Advance(TimeSpan.FromSeconds(0.5));
            await RunAsync(delivery);
            Assert.Equal(attempts, _receiver.Notices.Count);
        }

        Assert.Equal(("", 4), ((await OneAsync(move)).DeliveryError, (await OneAsync(move)).DeliveryAttempts));
        Assert.NotNull((await OneAsync(move)).DeliveredAt);
    }

    [Fact]
    public async Task NeverTaken_IsGivenUp()
    {
        _receiver.Answer = context =>
        {
            context.Response.StatusCode = 500;
            return Task.CompletedTask;
        };
        var move = await StartAsync(_receiver.Url);
        await RunAsync(Delivery());
        _fleet.Clock.Advance(TimeSpan.FromHours(2));
        await RunAsync(Delivery());
        _fleet.Clock.Advance(TimeSpan.FromHours(2));
        await RunAsync(Delivery());

        Assert.Equal(2, _receiver.Notices.Count);
        Assert.Equal((null, "answered 500"), ((await OneAsync(move)).DeliveredAt, (await OneAsync(move)).DeliveryError));
    }

    [Fact]
    public async Task Redirected_IsNotFollowed()
    {
        await using var other = await WebhookReceiver.StartAsync();
        _receiver.Answer = context =>
        {
            context.Response.StatusCode = StatusCodes.Status307TemporaryRedirect;
            context.Response.Headers.Location = other.Url;
            return Task.CompletedTask;
        };
        var move = await StartAsync(_receiver.Url);

        await RunAsync(Delivery());

        Assert.Empty(other.Notices);
        Assert.Equal("answered 307; a redirect is not followed", (await OneAsync(move)).DeliveryError);
    }

    [Fact]
    public async Task NobodyThere_SaysSo()
    {
        var move = await StartAsync("http://127.0.0.1:1/moves");

        await RunAsync(Delivery());

        Assert.Contains("refused", (await OneAsync(move)).DeliveryError, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task CertificateThatNobodyVouchesFor_IsRefused()
    {
        // The receiver speaks no TLS at all: a handshake that fails is an error and never a delivery in the clear.
        var move = await StartAsync(_receiver.Url.Replace("http://", "https://", StringComparison.Ordinal));

        await RunAsync(Delivery());

        Assert.Empty(_receiver.Notices);
        Assert.NotEqual("", (await OneAsync(move)).DeliveryError);
    }

    [Fact]
    public async Task SilentReceiver_TimesOutAndKeepsNoOtherWaiting()
    {
        var asked = new TaskCompletionSource();
        _receiver.Answer = async context =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
        };
        await using var prompt = await WebhookReceiver.StartAsync();
        var silent = await StartAsync(_receiver.Url);
        var other = await StartAsync(prompt.Url);
        var delivery = Delivery();

        await delivery.BeginDueAsync(s_none);
        await asked.Task;
        await Eventually.HoldsAsync(async () => (await OneAsync(other)).DeliveredAt is not null);
        _fleet.Clock.Advance(TimeSpan.FromSeconds(10));
        await delivery.FinishAsync();

        Assert.Equal("did not answer within 10 s", (await OneAsync(silent)).DeliveryError);
    }

    [Fact]
    public async Task ManyReplicasAtOnce_PostEachOnce()
    {
        foreach (var _ in Enumerable.Range(0, 10))
        {
            await StartAsync(_receiver.Url);
        }

        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Task.Run(() => RunAsync(Delivery()))));

        Assert.Equal(10, _receiver.Notices.Count);
        Assert.Equal(10, _receiver.Notices.Select(notice => notice.NoticeId).Distinct().Count());
    }

    [Fact]
    public async Task ReplicaThatDiedOverIt_LeavesItToAnotherOnceItsClaimHasRunOut()
    {
        await StartAsync(_receiver.Url);
        Assert.Single(await new DeliveryStore(Gate.To(postgres)).ClaimAsync(
            Guid.NewGuid(), _fleet.Clock.GetUtcNow(), TimeSpan.FromSeconds(30), 10, s_none));

        await RunAsync(Delivery());
        Assert.Empty(_receiver.Notices);
        _fleet.Clock.Advance(TimeSpan.FromSeconds(30));
        await RunAsync(Delivery());

        Assert.Equal(2U, Assert.Single(_receiver.Notices).DeliveryAttempts);
    }

    private static async Task RunAsync(NoticeDelivery delivery)
    {
        await delivery.BeginDueAsync(s_none);
        await delivery.FinishAsync();
    }

    private NoticeDelivery Delivery()
    {
        var options = Options.Create(new NoticeOptions());
        return new NoticeDelivery(
            new DeliveryStore(Gate.To(postgres)),
            new Webhook(_http.GetRequiredService<IHttpClientFactory>(), options, _fleet.Clock),
            options,
            _fleet.Clock,
            NullLogger<NoticeDelivery>.Instance);
    }

    private async Task<Move> StartAsync(string url)
    {
        var move = await _fleet.AddGuestAsync();
        await move.StartAsync(change: request =>
            request.Notice = new NoticeTerms { LeadTime = TimeSpan.FromMinutes(10).ToDuration(), WebhookUrl = url });
        return move;
    }

    private async Task<StoredNotice> OneAsync(Move move) => Assert.Single(await _notices.ListAsync(move.GuestId, false, null, 10, s_none));
}
