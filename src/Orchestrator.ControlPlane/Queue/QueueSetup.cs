namespace Orchestrator.ControlPlane.Queue;

internal static class QueueSetup
{
    public static WebApplication MapQueue(this WebApplication app)
    {
        app.MapGrpcService<AdmissionGrpcService>();
        return app;
    }
}
