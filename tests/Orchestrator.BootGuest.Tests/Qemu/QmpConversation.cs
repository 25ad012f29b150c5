using System.Net.Sockets;
using System.Text.Json;

namespace Orchestrator.BootGuest.Tests.Qemu;

/// <summary>Just enough QMP for these tests: one command at a time, events dropped.</summary>
internal sealed class QmpConversation : IDisposable
{
    private static readonly TimeSpan s_pollEvery = TimeSpan.FromMilliseconds(20);

    private readonly Socket _socket;
    private readonly StreamReader _lines;

    private QmpConversation(Socket socket)
    {
        _socket = socket;
        _lines = new StreamReader(new NetworkStream(socket));
    }

    public static async Task<QmpConversation> OpenAsync(string path, CancellationToken cancellation)
    {
        var qmp = new QmpConversation(await UnixSocket.ConnectAsync(path, cancellation));
        await qmp._lines.ReadLineAsync(cancellation);
        await qmp.ExecuteAsync("qmp_capabilities", null, cancellation);
        return qmp;
    }

    public async Task<JsonElement> ExecuteAsync(string command, object? arguments, CancellationToken cancellation)
    {
        var request = arguments is null
            ? JsonSerializer.SerializeToUtf8Bytes(new { execute = command })
            : JsonSerializer.SerializeToUtf8Bytes(new { execute = command, arguments });
        await _socket.SendAsync(request, cancellation);
        while (true)
        {
            var line = await _lines.ReadLineAsync(cancellation) ?? throw new EndOfStreamException($"QEMU closed QMP during {command}.");
            var reply = JsonDocument.Parse(line).RootElement;
            if (reply.TryGetProperty("error", out var error))
            {
                throw new InvalidOperationException($"{command}: {error}");
            }

            if (reply.TryGetProperty("return", out var result))
            {
                return result;
            }
        }
    }

    /// <summary>Starts a migration over a Unix socket and waits until it has completed.</summary>
    public async Task MigrateAsync(string path, CancellationToken cancellation)
    {
        await ExecuteAsync("migrate", new { uri = $"unix:{path}" }, cancellation);
        var last = await PollAsync(
            "query-migrate", null, reply => Status(reply) is "completed" or "failed" or "cancelled", cancellation);
        Assert.Equal("completed", Status(last));
    }

    /// <summary>Asks again and again until the answer is the one waited for.</summary>
    public async Task<JsonElement> PollAsync(
        string command, object? arguments, Func<JsonElement, bool> isIt, CancellationToken cancellation)
    {
        while (true)
        {
            var reply = await ExecuteAsync(command, arguments, cancellation);
            if (isIt(reply))
            {
                return reply;
            }

            await Task.Delay(s_pollEvery, TimeProvider.System, cancellation);
        }
    }

    public void Dispose()
    {
        _lines.Dispose();
        _socket.Dispose();
    }

    private static string? Status(JsonElement migration) =>
        migration.TryGetProperty("status", out var status) ? status.GetString() : null;
}
