using System.Text;

namespace Orchestrator.Qmp.Tests;

public sealed class QmpConnectionReadingTests : IDisposable
{
    private readonly ScriptedPeer _peer = new();

    public void Dispose() => _peer.Dispose();

    [Theory]
    [InlineData("{\"return\": {}", "")]
    [InlineData("not json at all", "")]
    [InlineData("{\"return\": nan, \"id\": \"1\"}", "")]
    [InlineData("42", "expected an object, got: 42")]
    [InlineData("{\"hello\": 1}", "expected a reply or an event, got: {\"hello\": 1}")]
    [InlineData("{\"event\": 7}", "expected an event")]
    [InlineData("{\"event\": \"X\", \"data\": [1]}", "expected an event")]
    [InlineData("{\"event\": \"\\ud800\"}", "expected an event")]
    [InlineData("{\"error\": {\"desc\": \"JSON parse error, stray\"}}", "QEMU did not understand us: JSON parse error, stray")]
    public async Task Read_Nonsense_ClosesWithAClearError(string line, string because)
    {
        await using var connection = await _peer.ConnectAsync();
        var pending = connection.ExecuteAsync("pending", null, CancellationToken.None);
        await _peer.SendAsync(line);

        var lost = await Assert.ThrowsAsync<QmpDisconnectedException>(() => pending.InTime());
        Assert.Equal(QmpDisconnectReason.ProtocolViolation, lost.Reason);
        Assert.Contains("the peer does not speak QMP", lost.Message, StringComparison.Ordinal);
        Assert.Contains(because, connection.ClosedBecause, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_ReplyCutOff_SaysThatItWasInTheMiddle()
    {
        await using var connection = await _peer.ConnectAsync();
        var pending = connection.ExecuteAsync("pending", null, CancellationToken.None);
        await _peer.SendRawAsync("{\"return\": {"u8.ToArray());
        _peer.Dispose();

        var lost = await Assert.ThrowsAsync<QmpDisconnectedException>(() => pending.InTime());
        Assert.Contains("in the middle of a message", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_LineWithoutEnd_ClosesAtTheBound()
    {
        await using var connection = await _peer.ConnectAsync();
        var chunk = Encoding.ASCII.GetBytes(new string('x', 1024 * 1024));
        for (var sent = 0; sent <= QmpLineReader.LongestLine; sent += chunk.Length)
        {
            await _peer.SendRawAsync(chunk);
        }

        await connection.Closed.InTime();
        Assert.Contains("a line is longer than 16777216 bytes", connection.ClosedBecause, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_LongLineWithinTheBound_IsRead()
    {
        await using var connection = await _peer.ConnectAsync();
        var call = connection.ExecuteAsync("query-long", null, CancellationToken.None);
        var text = new string('y', 15 * 1024 * 1024);
        await _peer.ReplyAsync(await _peer.ReceiveAsync(), $"\"{text}\"");

        Assert.Equal(text, (await call.InTime()).GetString());
    }

    [Fact]
    public async Task Read_ByteByByteWithBlankLines_IsTheSame()
    {
        await using var connection = await _peer.ConnectAsync();
        var call = connection.ExecuteAsync("query-status", null, CancellationToken.None);
        var id = (await _peer.ReceiveAsync()).Id;
        var text = $$"""{"return": {"a": "\u00e4"}, "id": {{id}}, "new-member": [1] }""";
        foreach (var part in Encoding.UTF8.GetBytes($"\r\n\n  \n{text}\r\n"))
        {
            await _peer.SendRawAsync(new[] { part });
        }

        Assert.Equal("\u00e4", (await call.InTime()).GetProperty("a").GetString());
    }

    [Theory]
    [InlineData("""{"return": {"status": "of another client"}, "id": 1}""")]
    [InlineData("""{"return": {"status": "of another client"}, "id": "0badcafe-1"}""")]
    [InlineData("""{"return": {"status": "of another client"}}""")]
    [InlineData("""{"error": {"class": "GenericError", "desc": "x"}, "id": {"a": 1}}""")]
    public async Task Read_ReplyOfTheClientBefore_IsIgnoredAndCounted(string stray)
    {
        await using var connection = await _peer.ConnectAsync();
        var call = connection.ExecuteAsync("query-status", null, CancellationToken.None);
        var received = await _peer.ReceiveAsync();
        await _peer.SendAsync(stray);
        await _peer.ReplyAsync(received, """{"status": "mine"}""");

        Assert.Equal("mine", (await call.InTime()).GetProperty("status").GetString());
        Assert.Equal(1, connection.StrayReplies);
    }
}
