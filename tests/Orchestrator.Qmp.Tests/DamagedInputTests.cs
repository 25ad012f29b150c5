using System.Text;
using System.Text.Json;

namespace Orchestrator.Qmp.Tests;

/// <summary>Real messages with random damage: a wrong peer may cost the connection, never more.</summary>
public sealed class DamagedInputTests
{
    private static readonly string[] s_odd =
    [
        "null", "true", "-1", "0", "1.5", "1e400", "18446744073709551616", "9223372036854775808", "\"\"", "\"x\"", "\"\\ud800\"",
        "[]", "{}", "[[{}]]",
    ];

    [Fact]
    public void Parse_AnyValueReplaced_NeverThrows()
    {
        var random = new Random(1);
        var replies = Transcript.Names().SelectMany(name => Transcript.Load(name, "src").Returned("query-migrate"))
            .Where(reply => reply.TryGetProperty("ram", out _)).Where((_, index) => index % 20 == 0).ToList();
        foreach (var reply in Enumerable.Repeat(replies, 20).SelectMany(list => list))
        {
            var damaged = JsonElement.Parse(Damage(reply, random));
            var migration = MigrationInfo.Parse(damaged);
            MigrationParameters.Parse(damaged).FindViolations();
            Assert.All(migration.Unreadable, noted => Assert.Contains(": ", noted, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Read_AnyByteReplaced_EndsEveryCall()
    {
        var random = new Random(2);
        var lines = Transcript.Load("11.1.3/vfio-switchover-ack", "src").Lines
            .Where(line => line.IsReply || line.IsEvent)
            .Select(line => Encoding.UTF8.GetBytes($"{line.Message.GetRawText()}\r\n")).ToList();
        for (var round = 0; round < 300; round++)
        {
            using var peer = new ScriptedPeer();
            await using var connection = await peer.ConnectAsync();
            var pending = connection.ExecuteAsync("query-migrate", null, default);
            var line = (byte[])lines[random.Next(lines.Count)].Clone();
            for (var damages = random.Next(1, 4); damages > 0; damages--)
            {
                line[random.Next(line.Length)] = (byte)random.Next(256);
            }

            await peer.SendRawAsync(line);
            peer.Dispose();

            await Assert.ThrowsAsync<QmpDisconnectedException>(() => pending.InTime());
            await connection.Closed.InTime();
        }
    }

    /// <returns>The same reply with some of its values, at any depth, replaced by odd ones.</returns>
    private static string Damage(JsonElement element, Random random)
    {
        if (random.Next(12) == 0)
        {
            return s_odd[random.Next(s_odd.Length)];
        }

        return element.ValueKind switch
        {
            JsonValueKind.Object => $"{{{string.Join(',', element.EnumerateObject().Select(
                member => $"\"{member.Name}\":{Damage(member.Value, random)}"))}}}",
            JsonValueKind.Array => $"[{string.Join(',', element.EnumerateArray().Select(item => Damage(item, random)))}]",
            _ => element.GetRawText(),
        };
    }
}
