namespace Orchestrator.ControlPlane.Policies;

internal static class PoliciesSetup
{
    public static WebApplicationBuilder AddPolicies(this WebApplicationBuilder builder) => builder;

    public static WebApplication MapPolicies(this WebApplication app) => app;
}
