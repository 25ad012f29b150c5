using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;

namespace Orchestrator.Rpc.Errors;

/// <summary>
/// Makes and reads rich errors: a <c>google.rpc.Status</c> in the trailer, as every gRPC library with rich errors expects it.
/// </summary>
public static class Refusal
{
    /// <summary>Name of the trailer, fixed by the rich error model.</summary>
    public const string TrailerKey = "grpc-status-details-bin";

    // Trailers travel as headers do: clients on gRPC's C core take 8 KiB of them in all, and details grow by a third in base64,
    // with the message in them once more.
    private const int MaxDetailBytes = 4000;
    private const int MaxMessageCharacters = 600;

    /// <param name="domain">The API whose error enum has the reason, e.g. "orchestrator.v1".</param>
    /// <param name="reason">Member of that enum without its prefix, e.g. "HOST_UNKNOWN".</param>
    /// <param name="facts">Ids, limits, states: name and value.</param>
    public static RpcException Because(
        StatusCode code, string domain, string reason, string message, params ReadOnlySpan<(string Key, string Value)> facts) =>
        Create(code, message, Info(domain, reason, facts));

    /// <summary>The same with advice when to try again.</summary>
    public static RpcException RetryLater(StatusCode code, string domain, string reason, string message, TimeSpan delay) =>
        Create(code, message, Info(domain, reason, []), new RetryInfo { RetryDelay = delay.ToDuration() });

    /// <summary>INVALID_ARGUMENT that names every field at fault; of very many, as many as any client takes in one answer.</summary>
    public static RpcException InvalidRequest(Violations violations)
    {
        var named = FirstOf(violations.Found, MaxDetailBytes, violation => violation.CalculateSize() + 3);
        var worded = FirstOf(violations.Found, MaxMessageCharacters, violation => violation.Field.Length + violation.Description.Length);
        var badRequest = new BadRequest { FieldViolations = { named } };
        if (named.Count < violations.Found.Count)
        {
            badRequest.FieldViolations.Add(new BadRequest.Types.FieldViolation
            {
                Field = "...",
                Description = $"and {violations.Found.Count - named.Count} more",
            });
        }

        return Create(
            StatusCode.InvalidArgument,
            "The request has fields that are not acceptable: "
                + string.Join("; ", worded.Select(violation => $"{violation.Field} {violation.Description}"))
                + (worded.Count < violations.Found.Count ? $"; and {violations.Found.Count - worded.Count} more." : "."),
            badRequest);
    }

    /// <summary>The detail of the wanted type that an error carries, or null.</summary>
    public static T? FindDetail<T>(RpcException exception)
        where T : class, IMessage<T>, new()
    {
        if (exception.Trailers.GetValueBytes(TrailerKey) is not { } bytes)
        {
            return null;
        }

        try
        {
            return Google.Rpc.Status.Parser.ParseFrom(bytes).Details
                .Select(any => any.TryUnpack<T>(out var detail) ? detail : null)
                .FirstOrDefault(detail => detail is not null);
        }
        catch (InvalidProtocolBufferException)
        {
            // A proxy or another server's trailer: an error without details is still an error.
            return null;
        }
    }

    private static List<BadRequest.Types.FieldViolation> FirstOf(
        IReadOnlyList<BadRequest.Types.FieldViolation> violations, int room, Func<BadRequest.Types.FieldViolation, int> size)
    {
        var first = violations.TakeWhile(violation => (room -= size(violation)) >= 0).ToList();
        return first.Count > 0 ? first : [.. violations.Take(1)];
    }

    private static ErrorInfo Info(string domain, string reason, ReadOnlySpan<(string Key, string Value)> facts)
    {
        var info = new ErrorInfo { Domain = domain, Reason = reason };
        foreach (var (key, value) in facts)
        {
            info.Metadata[key] = value;
        }

        return info;
    }

    private static RpcException Create(StatusCode code, string message, params ReadOnlySpan<IMessage> details)
    {
        var status = new Google.Rpc.Status { Code = (int)code, Message = message };
        foreach (var detail in details)
        {
            status.Details.Add(Any.Pack(detail));
        }

        return new RpcException(new Grpc.Core.Status(code, message), new Metadata { { TrailerKey, status.ToByteArray() } });
    }
}
