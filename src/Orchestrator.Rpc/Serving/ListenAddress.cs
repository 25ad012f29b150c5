using System.Net;

namespace Orchestrator.Rpc.Serving;

/// <summary>Where a server listens. Plaintext stays on loopback unless the operator says otherwise in so many words.</summary>
/// <param name="EndPoint">Address and port; port 0 takes a free one.</param>
public sealed record ListenAddress(IPEndPoint EndPoint)
{
    /// <param name="text">"http://ADDRESS:PORT" with an IP address; IPv6 in brackets.</param>
    /// <param name="plaintextOffLoopback">The operator's explicit word that the network is trusted.</param>
    /// <param name="problem">What is wrong and what is allowed; null when it parsed.</param>
    public static ListenAddress? Parse(string text, bool plaintextOffLoopback, out string? problem)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttp || uri.AbsolutePath != "/"
            || !IPAddress.TryParse(uri.Host.Trim('[', ']'), out var address))
        {
            problem = $"\"{text}\" is no listen address; write http://IP-ADDRESS:PORT, e.g. http://127.0.0.1:7443";
            return null;
        }

        if (!IPAddress.IsLoopback(address) && !plaintextOffLoopback)
        {
            problem = $"{text} is not a loopback address, and without TLS anybody on that network could command migrations; "
                + "listen on 127.0.0.0/8 or [::1], or set Listen:AllowPlaintextOffLoopback=true on a network you trust";
            return null;
        }

        problem = null;
        return new ListenAddress(new IPEndPoint(address, uri.Port));
    }
}
