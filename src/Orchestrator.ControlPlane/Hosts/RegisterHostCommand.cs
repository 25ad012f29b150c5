using System.Diagnostics.CodeAnalysis;
using Google.Protobuf.Collections;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>A request to register a host that has been found sound. There is no other way to make one.</summary>
internal sealed class RegisterHostCommand
{
    private const int MaxEndpointCharacters = 255;
    private const int MaxLabels = 64;
    private const int MaxLabelCharacters = 63;

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
            Labels = ParseLabels(violations, request.Labels),
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

    private static Dictionary<string, string> ParseLabels(Violations violations, MapField<string, string> labels)
    {
        violations.Count("labels", labels.Count, MaxLabels);
        foreach (var (key, value) in labels.Take(MaxLabels))
        {
            if (key.Length is 0 or > MaxLabelCharacters || value.Length > MaxLabelCharacters || key.Contains('\0') || value.Contains('\0'))
            {
                violations.Add(
                    $"labels[{key[..Math.Min(key.Length, MaxLabelCharacters)]}]",
                    $"must have a key of 1 to {MaxLabelCharacters} and a value of at most {MaxLabelCharacters} characters, none of them NUL");
            }
        }

        return new Dictionary<string, string>(labels, StringComparer.Ordinal);
    }
}
