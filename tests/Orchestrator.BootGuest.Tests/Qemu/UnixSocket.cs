using System.Net.Sockets;

namespace Orchestrator.BootGuest.Tests.Qemu;

internal static class UnixSocket
{
    /// <summary>QEMU makes its sockets a moment after it was started.</summary>
    public static async Task<Socket> ConnectAsync(string path, CancellationToken cancellation)
    {
        while (true)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
                return socket;
            }
            catch (SocketException)
            {
                socket.Dispose();
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, cancellation);
        }
    }
}
