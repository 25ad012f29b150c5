using Google.Protobuf;
using Grpc.Core;
using Grpc.Reflection.V1;
using static Grpc.Reflection.V1.ServerReflectionRequest;

namespace Orchestrator.Rpc.Reflection;

/// <summary>The standard reflection protocol, v1. Our own, since the package for it is not in every registry.</summary>
internal sealed class ReflectionGrpcService(ReflectionIndex index) : ServerReflection.ServerReflectionBase
{
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream,
        ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            await responseStream.WriteAsync(Answer(index, requestStream.Current), context.CancellationToken);
        }
    }

    internal static ServerReflectionResponse Answer(ReflectionIndex index, ServerReflectionRequest request)
    {
        var response = new ServerReflectionResponse { ValidHost = request.Host, OriginalRequest = request };
        switch (request.MessageRequestCase)
        {
            case MessageRequestOneofCase.ListServices:
                response.ListServicesResponse = new ListServiceResponse
                {
                    Service = { index.ServiceNames.Select(name => new ServiceResponse { Name = name }) },
                };
                break;
            case MessageRequestOneofCase.FileByFilename:
                Files(index.FileNamed(request.FileByFilename), request.FileByFilename);
                break;
            case MessageRequestOneofCase.FileContainingSymbol:
                Files(index.FileContaining(request.FileContainingSymbol), request.FileContainingSymbol);
                break;
            case MessageRequestOneofCase.FileContainingExtension:
                Refuse(StatusCode.NotFound, "There are no extensions.");
                break;
            case MessageRequestOneofCase.AllExtensionNumbersOfType:
                Refuse(StatusCode.NotFound, "There are no extensions.");
                break;
            case MessageRequestOneofCase.None:
                Refuse(StatusCode.InvalidArgument, "The request asks for nothing.");
                break;
        }

        return response;

        void Files(IReadOnlyList<ByteString>? files, string name)
        {
            if (files is null)
            {
                Refuse(StatusCode.NotFound, $"\"{name}\" is not served here.");
            }
            else
            {
                response.FileDescriptorResponse = new FileDescriptorResponse { FileDescriptorProto = { files } };
            }
        }

        void Refuse(StatusCode code, string message) =>
            response.ErrorResponse = new ErrorResponse { ErrorCode = (int)code, ErrorMessage = message };
    }
}

/// <summary>
/// The same under its older name, which many clients still ask for. The messages of both are the same on the wire, so they are carried
/// over as bytes.
/// </summary>
internal sealed class ReflectionAlphaGrpcService(ReflectionIndex index)
    : Grpc.Reflection.V1Alpha.ServerReflection.ServerReflectionBase
{
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<Grpc.Reflection.V1Alpha.ServerReflectionRequest> requestStream,
        IServerStreamWriter<Grpc.Reflection.V1Alpha.ServerReflectionResponse> responseStream,
        ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            var request = ServerReflectionRequest.Parser.ParseFrom(requestStream.Current.ToByteString());
            var response = ReflectionGrpcService.Answer(index, request);
            await responseStream.WriteAsync(
                Grpc.Reflection.V1Alpha.ServerReflectionResponse.Parser.ParseFrom(response.ToByteString()), context.CancellationToken);
        }
    }
}
