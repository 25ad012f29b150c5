namespace Orchestrator.ControlPlane.Guests;

internal static class GuestsSetup
{
    public static WebApplicationBuilder AddGuests(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<GuestObservations>();
        builder.Services.AddSingleton<GuestStore>();
        return builder;
    }

    public static WebApplication MapGuests(this WebApplication app) => app;
}
