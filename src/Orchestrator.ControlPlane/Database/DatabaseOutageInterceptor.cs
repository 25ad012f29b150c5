using Grpc.Core;
using Grpc.Core.Interceptors;
using Npgsql;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane.Database;

/// <summary>A call that failed because the database is away for the moment leaves as UNAVAILABLE, since trying again helps.</summary>
internal sealed class DatabaseOutageInterceptor : Interceptor
{
    private static readonly TimeSpan s_restartTakes = TimeSpan.FromSeconds(2);

    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (NpgsqlException outage) when (DatabaseGate.IsTransient(outage))
        {
            throw Away();
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (NpgsqlException outage) when (DatabaseGate.IsTransient(outage))
        {
            throw Away();
        }
    }

    private static RpcException Away() => Refusal.RetryLater(
        StatusCode.Unavailable, "orchestrator.v1", "DATABASE_AWAY", "The database does not answer at the moment; call again.", s_restartTakes);
}
