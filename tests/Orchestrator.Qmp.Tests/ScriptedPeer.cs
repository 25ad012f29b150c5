using System.Text;
using System.Text.Json;

namespace Orchestrator.Qmp.Tests;

/// <summary>QEMU's end of a QMP connection, played line by line by the test.</summary>
internal sealed class ScriptedPeer : IDisposable
{
    public const string Greeting =
        """{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": "Test 1"}, "capabilities": ["oob"]}}""";

    public const string GreetingWithoutOutOfBand =
        """{"QMP": {"version": {"qemu": {"micro": 0, "minor": 12, "major": 2}, "package": ""}, "capabilities": []}}""";

    private readonly DuplexStream _stream;
    private readonly QmpLineReader _lines;

    public ScriptedPeer(long backlog = 0)
    {
        (ClientEnd, _stream) = DuplexStream.CreatePair(backlog);
        _lines = new QmpLineReader(_stream);
    }

    public Stream ClientEnd { get; }

    /// <summary>A connection that is greeted and negotiated.</summary>
    public async Task<QmpConnection> ConnectAsync(string greeting = Greeting)
    {
        var opening = QmpConnection.OpenAsync(ClientEnd, TimeProvider.System, CancellationToken.None);
        await SendAsync(greeting);
        await ReplyAsync(await ReceiveAsync());
        return await opening.InTime();
    }

    public async Task SendAsync(string line)
    {
        await _stream.WriteAsync(Encoding.UTF8.GetBytes(line + "\r\n"));
        await _stream.FlushAsync(CancellationToken.None);
    }

    public async Task SendRawAsync(ReadOnlyMemory<byte> bytes)
    {
        await _stream.WriteAsync(bytes);
        await _stream.FlushAsync(CancellationToken.None);
    }

    public Task ReplyAsync(ReceivedCommand command, string result = "{}") =>
        SendAsync($$"""{"return": {{result}}, "id": {{command.Id}}}""");

    public Task RefuseAsync(ReceivedCommand command, string description, string errorClass = "GenericError") =>
        SendAsync($$"""{"id": {{command.Id}}, "error": {"class": "{{errorClass}}", "desc": "{{description}}"} }""");

    public async Task<ReceivedCommand> ReceiveAsync() =>
        await TryReceiveAsync() ?? throw new InvalidOperationException("the client closed the connection");

    public async Task<ReceivedCommand?> TryReceiveAsync()
    {
        if (await _lines.ReadAsync(CancellationToken.None).AsTask().InTime() is not { } line)
        {
            return null;
        }

        var message = JsonElement.Parse(line.Span);
        var outOfBand = message.TryGetProperty("exec-oob", out var command);
        return new ReceivedCommand(
            outOfBand ? command.GetString()! : message.GetProperty("execute").GetString()!,
            message.TryGetProperty("arguments", out var arguments) ? arguments : null,
            message.GetProperty("id").GetRawText(),
            outOfBand);
    }

    public void Dispose() => _stream.Dispose();
}

/// <param name="Id">As it stood on the wire.</param>
internal sealed record ReceivedCommand(string Name, JsonElement? Arguments, string Id, bool OutOfBand)
{
    public string ArgumentText => Arguments?.GetRawText() ?? "";
}

internal static class Bound
{
    /// <summary>Generous: the machine may be busy. Reached only when a test fails.</summary>
    public static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    public static Task InTime(this Task task) => task.WaitAsync(Generous);

    public static Task<T> InTime<T>(this Task<T> task) => task.WaitAsync(Generous);
}
