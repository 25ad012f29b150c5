namespace Orchestrator.ControlPlane.Guests;

internal static class GuestsSetup
{
    public static WebApplicationBuilder AddGuests(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<GuestObservations>();
        builder.Services.AddSingleton<GuestStore>();
        builder.Services.AddSingleton<GuestAdmission>();
        builder.Services.AddSingleton<GuestMessages>();
        builder.Services.AddSingleton<GuestStartAdmission>();
        builder.Services.AddSingleton<GuestRunAdmission>();
        builder.Services.AddSingleton<GuestReconciliation>();
        builder.Services.AddHostedService<GuestSupervisor>();
        return builder;
    }

    public static WebApplication MapGuests(this WebApplication app)
    {
        app.MapGrpcService<GuestGrpcService>();
        return app;
    }
}
