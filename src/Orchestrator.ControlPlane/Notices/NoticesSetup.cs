using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Schedules;

namespace Orchestrator.ControlPlane.Notices;

internal static class NoticesSetup
{
    /// <summary>After the migrations, which open notices.</summary>
    public static WebApplicationBuilder AddNotices(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<NoticeOptions>().BindConfiguration(NoticeOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<NoticeOptions>, NoticeOptionsValidator>();
        builder.Services.AddHttpClient(Webhook.Client)

            // A redirect would lead to where nobody has said that notices may go. The timeout is each attempt's own.
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            })
            .ConfigureHttpClient(client => client.Timeout = Timeout.InfiniteTimeSpan);
        builder.Services.AddSingleton<NoticeStore>();
        builder.Services.AddSingleton<DeliveryStore>();
        builder.Services.AddSingleton<Webhook>();
        builder.Services.AddSingleton<NoticeDelivery>();
        builder.Services.AddSingleton<NoticeChanges>();
        builder.Services.AddSingleton<NoticeSignals>();
        builder.Services.AddSingleton<NoticeWatch>();
        builder.Services.AddHostedService<NoticeLoop>();
        builder.Services.AddSingleton(services => new Retention(
            "notices",
            cancellation => services.GetRequiredService<NoticeStore>().RemoveOlderAsync(
                services.GetRequiredService<TimeProvider>().GetUtcNow() - services.GetRequiredService<IOptions<NoticeOptions>>().Value.KeepNotices,
                cancellation)));
        return builder;
    }

    public static WebApplication MapNotices(this WebApplication app)
    {
        app.MapGrpcService<NoticeGrpcService>();
        return app;
    }
}
