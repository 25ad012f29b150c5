using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Policies;

internal static class PoliciesSetup
{
    public static WebApplicationBuilder AddPolicies(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<DefaultPolicyOptions>().BindConfiguration(DefaultPolicyOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<DefaultPolicyOptions>, DefaultPolicyOptionsValidator>();
        builder.Services.AddSingleton<PolicyStore>();
        builder.Services.AddSingleton<PolicySimulation>();
        return builder;
    }

    public static WebApplication MapPolicies(this WebApplication app)
    {
        app.MapGrpcService<PolicyGrpcService>();
        return app;
    }
}
