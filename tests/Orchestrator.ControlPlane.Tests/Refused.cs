using Google.Rpc;
using Grpc.Core;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane.Tests;

/// <summary>Looks at refusals as a client does.</summary>
internal static class Refused
{
    public static async Task<RpcException> WithAsync(string reason, StatusCode status, Func<Task> call)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal(reason, Refusal.FindDetail<ErrorInfo>(refused)?.Reason ?? $"no reason: {refused.Status}");
        Assert.Equal(status, refused.StatusCode);
        return refused;
    }

    /// <summary>The fields that an INVALID_ARGUMENT names.</summary>
    public static async Task<IReadOnlyList<string>> FieldsAsync(Func<Task> call)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        return [.. (Refusal.FindDetail<BadRequest>(refused)?.FieldViolations ?? []).Select(violation => violation.Field)];
    }
}
