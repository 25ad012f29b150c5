using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.Rpc.Serving;

/// <summary>
/// The edge of a server: refusals pass as they are, an unplanned exception is logged once and leaves as INTERNAL without its text, and a
/// call cut off by our own shutdown leaves as UNAVAILABLE, so that a client can tell a restart from a loss.
/// </summary>
internal sealed partial class ServerInterceptor(IHostApplicationLifetime lifetime, ILogger<ServerInterceptor> logger) : Interceptor
{
    private static readonly TimeSpan s_restartTakes = TimeSpan.FromSeconds(2);

    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (Exception failure) when (Translate(failure, context) is { } refusal)
        {
            throw refusal;
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
        catch (Exception failure) when (Translate(failure, context) is { } refusal)
        {
            throw refusal;
        }
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(requestStream, responseStream, context);
        }
        catch (Exception failure) when (Translate(failure, context) is { } refusal)
        {
            throw refusal;
        }
    }

    /// <returns>Null for what is a refusal already.</returns>
    private RpcException? Translate(Exception failure, ServerCallContext context)
    {
        if (failure is RpcException)
        {
            return null;
        }

        if (context.CancellationToken.IsCancellationRequested)
        {
            return new RpcException(new Status(StatusCode.Cancelled, "The call was cancelled."));
        }

        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return Refusal.RetryLater(
                StatusCode.Unavailable, "orchestrator.v1", "SHUTTING_DOWN", "The server is going down; call again.", s_restartTakes);
        }

        LogUnplanned(context.Method, failure);
        return new RpcException(new Status(StatusCode.Internal, "An internal error; the server's log has it."));
    }

    [LoggerMessage(1, LogLevel.Error, "{Method} failed in a way nobody planned.")]
    private partial void LogUnplanned(string method, Exception failure);
}
