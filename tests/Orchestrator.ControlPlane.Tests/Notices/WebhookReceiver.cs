using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Notices;

/// <summary>An owner's server on loopback that takes notices and answers as the test says.</summary>
internal sealed class WebhookReceiver : IAsyncDisposable
{
    private WebApplication _app = null!;
    private int _underWay;

    public string Url { get; private set; } = "";

    /// <summary>Every notice that came, in order.</summary>
    public ConcurrentQueue<Notice> Notices { get; } = new();

    /// <summary>How many posts were under way at the same time, at most.</summary>
    public int MostAtOnce { get; private set; }

    public Func<HttpContext, Task> Answer { get; set; } = _ => Task.CompletedTask;

    public static async Task<WebhookReceiver> StartAsync()
    {
        var receiver = new WebhookReceiver();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrelOnLoopback();
        receiver._app = builder.Build();
        receiver._app.MapPost("/moves", receiver.TakeAsync);
        await receiver._app.StartAsync();
        var address = receiver._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        receiver.Url = address + "/moves";
        return receiver;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        MostAtOnce = Math.Max(MostAtOnce, Interlocked.Increment(ref _underWay));
        try
        {
            Assert.Equal("application/json; charset=utf-8", context.Request.ContentType);
            using var body = new StreamReader(context.Request.Body);
            Notices.Enqueue(ProtoJson.Read<Notice>(await body.ReadToEndAsync()));
            await Answer(context);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }
}

file static class Loopback
{
    public static void ConfigureKestrelOnLoopback(this ConfigureWebHostBuilder host) =>
        Microsoft.AspNetCore.Hosting.WebHostBuilderKestrelExtensions.ConfigureKestrel(host, kestrel => kestrel.Listen(IPAddress.Loopback, 0));
}
