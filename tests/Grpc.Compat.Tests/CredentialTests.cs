using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Hello.Server;
using Hello.V1;

namespace GrpcCompat.Tests;

/// <summary>Who calls, and over what: certificates of both sides, and credentials of a channel and of one call.</summary>
public class CredentialTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact]
    public async Task MutualTls()
    {
        using var channel = server.MutualTls(server.ClientCertificate);
        var identity = await new Greeter.GreeterClient(channel).WhoAmIAsync(new Empty());
        Assert.True(identity.Authenticated);
        Assert.Contains("alice", identity.Name, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CallCredentialsOverTls()
    {
        string? url = null;
        var bearer = CallCredentials.FromInterceptor((context, metadata) =>
        {
            url = context.ServiceUrl;
            metadata.Add("x-echo", "Bearer t");
            return Task.CompletedTask;
        });
        using var channel = server.MutualTls(server.ClientCertificate, new GrpcChannelOptions { Credentials = ChannelCredentials.Create(ChannelCredentials.SecureSsl, bearer) });
        using var call = new Greeter.GreeterClient(channel).SayHelloAsync(new HelloRequest());
        await call;
        Assert.Equal("Bearer t", call.GetTrailers().GetValue("x-trailer"));
        Assert.EndsWith("/hello.v1.Greeter", url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PerCallCredentials()
    {
        var credentials = CallCredentials.Compose(
            CallCredentials.FromInterceptor((_, metadata) =>
            {
                metadata.Add("x-echo", "composed");
                return Task.CompletedTask;
            }),
            CallCredentials.FromInterceptor((_, metadata) =>
            {
                metadata.Add("x-client-interceptor", "composed");
                return Task.CompletedTask;
            }));
        using var channel = server.MutualTls(server.ClientCertificate);
        using var call = new Greeter.GreeterClient(channel).SayHelloAsync(new HelloRequest(), new CallOptions(credentials: credentials));
        await call;
        Assert.Equal("composed", call.GetTrailers().GetValue("x-trailer"));
        Assert.True(await server.Logged("client interceptor: composed"));
    }

    [Fact]
    public async Task InsecureChannelRefusesCallCredentialsUnlessAllowed()
    {
        var bearer = CallCredentials.FromInterceptor((_, metadata) =>
        {
            metadata.Add("x-echo", "t");
            return Task.CompletedTask;
        });
        var credentials = ChannelCredentials.Create(ChannelCredentials.Insecure, bearer);
        Assert.Throws<InvalidOperationException>(() => server.Cleartext(new GrpcChannelOptions { Credentials = credentials }));
        using var channel = server.Cleartext(new GrpcChannelOptions { Credentials = credentials, UnsafeUseInsecureChannelCallCredentials = true });
        using var call = new Greeter.GreeterClient(channel).SayHelloAsync(new HelloRequest());
        await call;
        Assert.Equal("t", call.GetTrailers().GetValue("x-trailer"));
    }

    [Fact]
    public async Task ClientWithoutCertificateIsRefused()
    {
        using var channel = server.MutualTls(null);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await new Greeter.GreeterClient(channel).WhoAmIAsync(new Empty()));
        Assert.Contains(e.StatusCode, (StatusCode[])[StatusCode.Unavailable, StatusCode.Internal]);
    }

    [Fact]
    public async Task ClientFromAnotherRootIsRefused()
    {
        using var channel = server.MutualTls(new DevPki("other root").IssueClient("mallory"));
        var e = await Assert.ThrowsAsync<RpcException>(async () => await new Greeter.GreeterClient(channel).WhoAmIAsync(new Empty()));
        Assert.Contains(e.StatusCode, (StatusCode[])[StatusCode.Unavailable, StatusCode.Internal]);
    }
}
