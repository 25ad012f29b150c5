using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Qmp.Tests;

/// <summary>
/// Plays one side of a recording through the client: a peer sends what QEMU sent and holds the client's commands against
/// the recorded ones, while the client issues the recorded commands and keeps what it got.
/// </summary>
internal sealed class TranscriptReplay(Transcript transcript) : IDisposable
{
    private readonly ScriptedPeer _peer = new();
    private readonly SemaphoreSlim _eventSeen = new(0);

    /// <summary>What the client got for each recorded command after the negotiation, in order.</summary>
    public List<(string Command, JsonElement? Reply)> Replies { get; } = [];

    public List<QmpEvent> Events { get; } = [];

    public List<QmpException> Refusals { get; } = [];

    public QmpGreeting? Greeting { get; private set; }

    public IEnumerable<MigrationInfo> Migrations => Returned("query-migrate").Select(MigrationInfo.Parse);

    public IEnumerable<JsonElement> Returned(string command) =>
        Replies.Where(reply => reply.Command == command).Select(reply => reply.Reply).OfType<JsonElement>();

    /// <param name="readEventsAtOnce">False leaves all events unread until the end, so that passes are coalesced.</param>
    public async Task RunAsync(bool readEventsAtOnce)
    {
        var playing = PlayAsync(paceByEvents: readEventsAtOnce);
        await using var connection = await QmpConnection.OpenAsync(_peer.ClientEnd, TimeProvider.System, CancellationToken.None).InTime();
        Greeting = connection.Greeting;
        var reading = readEventsAtOnce ? ReadEventsAsync(connection) : Task.CompletedTask;
        foreach (var (command, recorded) in transcript.Exchanges().Skip(1))
        {
            await IssueAsync(connection, command, recorded);
        }

        await playing.InTime();
        await connection.Closed.InTime();
        await reading.InTime();
        if (!readEventsAtOnce)
        {
            await ReadEventsAsync(connection).InTime();
        }

        Assert.Equal(0, connection.StrayReplies);
        Assert.Equal(0, connection.DroppedEvents);
    }

    public void Dispose()
    {
        _peer.Dispose();
        _eventSeen.Dispose();
    }

    private async Task IssueAsync(QmpConnection connection, JsonElement command, JsonElement? recorded)
    {
        var outOfBand = command.TryGetProperty("exec-oob", out var name);
        name = outOfBand ? name : command.GetProperty("execute");
        var arguments = command.TryGetProperty("arguments", out var given) ? JsonObject.Create(given) : null;
        var call = outOfBand
            ? connection.ExecuteOutOfBandAsync(name.GetString()!, arguments, CancellationToken.None)
            : connection.ExecuteAsync(name.GetString()!, arguments, CancellationToken.None);
        JsonElement? reply = null;
        if (recorded is not { } expected)
        {
            await Assert.ThrowsAsync<QmpDisconnectedException>(() => call.InTime());
        }
        else if (expected.TryGetProperty("error", out var error))
        {
            var refused = await Assert.ThrowsAsync<QmpException>(() => call.InTime());
            Assert.Equal(error.GetProperty("class").GetString(), refused.Class);
            Assert.Equal(error.GetProperty("desc").GetString(), refused.Description);
            Refusals.Add(refused);
        }
        else
        {
            reply = await call.InTime();
            Assert.True(
                JsonElement.DeepEquals(expected.GetProperty("return"), reply.Value), $"{name}: {reply} is not the recorded {expected}");
        }

        Replies.Add((name.GetString()!, reply));
    }

    /// <summary>QEMU's part. Ends, and closes the connection, after the last thing QEMU said.</summary>
    private async Task PlayAsync(bool paceByEvents)
    {
        var received = new Queue<ReceivedCommand>();
        var lastWords = Enumerable.Range(0, transcript.Lines.Count).Last(index => !transcript.Lines[index].IsCommand);
        for (var index = 0; index < transcript.Lines.Count; index++)
        {
            var line = transcript.Lines[index];
            if (line.IsCommand)
            {
                // The recorder wrote on into a connection that was dead already; the client still waits for the first reply.
                if (received.Count == 0)
                {
                    received.Enqueue(await ReceiveAsync(line.Message));
                }
            }
            else if (line.IsReply)
            {
                var reply = JsonNode.Parse(line.Message.GetRawText())!.AsObject();
                reply["id"] = JsonNode.Parse(received.Dequeue().Id);
                await _peer.SendAsync(reply.ToJsonString());
            }
            else
            {
                await _peer.SendAsync(line.Message.GetRawText());
            }

            if (line.IsEvent && paceByEvents)
            {
                await _eventSeen.WaitAsync().InTime();
            }

            if (index >= lastWords)
            {
                break;
            }
        }

        _peer.Dispose();
    }

    private async Task<ReceivedCommand> ReceiveAsync(JsonElement recorded)
    {
        var command = await _peer.ReceiveAsync();
        var name = recorded.TryGetProperty("exec-oob", out var outOfBand) ? outOfBand : recorded.GetProperty("execute");
        Assert.Equal(name.GetString(), command.Name);
        if (command.Name != "qmp_capabilities")
        {
            // The recorder did not ask for out-of-band execution; the client always does.
            Assert.Equal(recorded.TryGetProperty("arguments", out var arguments), command.Arguments.HasValue);
            Assert.True(
                command.Arguments is not { } sent || JsonElement.DeepEquals(arguments, sent), $"{command} is not the recorded {recorded}");
        }

        return command;
    }

    private async Task ReadEventsAsync(QmpConnection connection)
    {
        await foreach (var happened in connection.Events.ReadAllAsync())
        {
            Events.Add(happened);
            _eventSeen.Release();
        }
    }
}
