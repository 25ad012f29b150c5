using System.Diagnostics.CodeAnalysis;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>A request to register a host that has been found sound. There is no other way to make one.</summary>
internal sealed class RegisterHostCommand
{
    private const int MaxEndpointCharacters = 255;

    private RegisterHostCommand()
    {
    }

    public required AgentAddress Address { get; init; }

    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    public static bool TryParse(
        RegisterHostRequest request, [NotNullWhen(true)] out RegisterHostCommand? command, out Violations violations)
    {
        violations = new Violations();
        var parsed = new RegisterHostCommand
        {
            Address = new AgentAddress(violations.Name("host_id", request.HostId), ParseEndpoint(violations, request.AgentEndpoint)),
            Labels = ControlPlane.Labels.Parse(violations, "labels", request.Labels),
        };
        command = violations.Any ? null : parsed;
        return command is not null;
    }

    private static string ParseEndpoint(Violations violations, string text)
    {
        if (text.Length <= MaxEndpointCharacters && Uri.TryCreate(text, UriKind.Absolute, out var uri)
            && uri is { Scheme: "http", PathAndQuery: "/", Fragment: "", UserInfo: "", Host.Length: > 0, Port: > 0 })
        {
            return $"http://{uri.Host}:{uri.Port}";
        }

        violations.Add("agent_endpoint", $"must be http://ADDRESS:PORT of at most {MaxEndpointCharacters} characters");
        return "";
    }
}
