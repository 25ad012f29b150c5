using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf;
using Orchestrator.V1;

namespace Orchestrator.Scenarios.Wide;

/// <summary>The server of a guest's owner, to which notices are posted.</summary>
internal sealed class OwnersHook : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<Notice> _notices = new();
    private readonly Task _serving;
    private int _refusals;

    /// <param name="refusals">So many posts are turned away before the first is taken.</param>
    public OwnersHook(int refusals)
    {
        _refusals = refusals;

        // HttpListener cannot choose a port by itself; one that is taken meanwhile is found out at once.
        using (var socket = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
        {
            socket.Start();
            Url = $"http://127.0.0.1:{((IPEndPoint)socket.LocalEndpoint).Port}/moves/";
        }

        _listener.Prefixes.Add(Url);
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Url { get; }

    /// <summary>Every post in its order, the refused ones too.</summary>
    public IReadOnlyList<Notice> Notices => [.. _notices];

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _serving;
        _listener.Close();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            try
            {
                var post = await _listener.GetContextAsync();
                using var body = new StreamReader(post.Request.InputStream);
                _notices.Enqueue(JsonParser.Default.Parse<Notice>(await body.ReadToEndAsync()));
                post.Response.StatusCode = Interlocked.Decrement(ref _refusals) >= 0 ? 503 : 200;
                post.Response.Close();
            }
            catch (Exception stopped) when (stopped is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}
