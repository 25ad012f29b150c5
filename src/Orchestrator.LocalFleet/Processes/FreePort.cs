using System.Net;
using System.Net.Sockets;

namespace Orchestrator.LocalFleet.Processes;

/// <summary>
/// A port that was free a moment ago. Needed because a restarted server must come back under the address its callers know; a server that
/// finds it taken says so and is started with another.
/// </summary>
internal static class FreePort
{
    public static int On(string address)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
