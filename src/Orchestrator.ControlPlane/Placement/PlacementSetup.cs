namespace Orchestrator.ControlPlane.Placement;

internal static class PlacementSetup
{
    public static WebApplicationBuilder AddPlacement(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<FleetStore>();
        builder.Services.AddSingleton<PlacementExplanations>();
        return builder;
    }
}
