using Orchestrator.Rpc.Serving;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Orchestrator.ControlPlane;

/// <summary>Where the control plane listens.</summary>
internal sealed class ListenOptions
{
    public const string Section = "Listen";

    /// <summary>"http://IP-ADDRESS:PORT"; port 0 takes a free one.</summary>
    public string Address { get; set; } = "http://127.0.0.1:7443";

    /// <summary>The operator's word that the network beyond loopback is trusted.</summary>
    public bool AllowPlaintextOffLoopback { get; set; }
}

internal static class ListeningSetup
{
    /// <exception cref="StartRefusedException">The address is none, or would be open to a network without TLS.</exception>
    public static WebApplicationBuilder AddListening(this WebApplicationBuilder builder, params IReadOnlyList<ServiceDescriptor> services)
    {
        var options = builder.Configuration.GetSection(ListenOptions.Section).Get<ListenOptions>() ?? new ListenOptions();
        var listen = ListenAddress.Parse(options.Address, options.AllowPlaintextOffLoopback, out var problem)
            ?? throw new StartRefusedException($"Listen:Address: {problem}.");
        return builder.AddRpc(listen, services);
    }
}
