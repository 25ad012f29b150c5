using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Orchestrator.BootGuest.Tests.Qemu;

/// <summary>Just enough of the gdb remote protocol to write into a guest's memory behind its back.</summary>
internal static class GdbConversation
{
    /// <summary>Writes at an address and lets the guest go on. QEMU stops the guest while the connection is open.</summary>
    public static async Task WriteAsync(string path, long address, byte[] bytes, CancellationToken cancellation)
    {
        using var socket = await UnixSocket.ConnectAsync(path, cancellation);
        const int InOnePacket = 1024;
        for (var at = 0; at < bytes.Length; at += InOnePacket)
        {
            var part = bytes[at..Math.Min(at + InOnePacket, bytes.Length)];
            await AskAsync(
                socket,
                string.Create(CultureInfo.InvariantCulture, $"M{address + at:x},{part.Length:x}:{Convert.ToHexStringLower(part)}"),
                cancellation);
        }

        await AskAsync(socket, "D", cancellation);
    }

    private static async Task AskAsync(Socket socket, string packet, CancellationToken cancellation)
    {
        var sum = packet.Sum(letter => letter) & 0xff;
        await socket.SendAsync(Encoding.ASCII.GetBytes($"${packet}#{sum:x2}"), cancellation);

        var answer = new StringBuilder();
        var buffer = new byte[256];
        while (true)
        {
            var count = await socket.ReceiveAsync(buffer, cancellation);
            Assert.NotEqual(0, count);
            answer.Append(Encoding.ASCII.GetString(buffer, 0, count));
            while (Packet(answer) is { } whole)
            {
                await socket.SendAsync("+"u8.ToArray(), cancellation);

                // That the guest stopped for us may be said before the answer.
                if (!whole.StartsWith('T'))
                {
                    Assert.Equal("OK", whole);
                    return;
                }
            }
        }
    }

    /// <summary>Takes the first whole packet, "$content#xx", out of what came.</summary>
    private static string? Packet(StringBuilder came)
    {
        var text = came.ToString();
        var from = text.IndexOf('$', StringComparison.Ordinal);
        var to = text.IndexOf('#', StringComparison.Ordinal);
        if (from < 0 || to < 0 || text.Length < to + 3)
        {
            return null;
        }

        came.Remove(0, to + 3);
        return text[(from + 1)..to];
    }
}
