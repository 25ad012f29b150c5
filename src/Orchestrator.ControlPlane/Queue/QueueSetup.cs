namespace Orchestrator.ControlPlane.Queue;

internal static class QueueSetup
{
    /// <summary>After the migrations, which it lets through.</summary>
    public static WebApplicationBuilder AddQueue(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<LimitsStore>();
        builder.Services.AddSingleton<SlotStore>();
        builder.Services.AddSingleton<QueueReader>();
        builder.Services.AddSingleton<QueueStandings>();
        builder.Services.AddSingleton<QueueExit>();
        builder.Services.AddSingleton<QueueWords>();
        builder.Services.AddSingleton<AdmissionRound>();
        builder.Services.AddSingleton<Dispatcher>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Dispatcher>());
        builder.Services.AddHostedService<SlotCourier>();
        return builder;
    }

    public static WebApplication MapQueue(this WebApplication app)
    {
        app.MapGrpcService<AdmissionGrpcService>();
        return app;
    }
}
