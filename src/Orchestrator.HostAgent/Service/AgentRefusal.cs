using Orchestrator.Agent.V1;

namespace Orchestrator.HostAgent.Service;

/// <summary>A refusal that agent.proto plans for, as a value that can be journalled.</summary>
/// <param name="Facts">Ids, limits, states: name and value.</param>
internal sealed record AgentRefusal(AgentError Error, string Message, IReadOnlyDictionary<string, string> Facts)
{
    public static AgentRefusal Because(AgentError error, string message, params ReadOnlySpan<(string Key, string Value)> facts)
    {
        Dictionary<string, string> named = new(StringComparer.Ordinal);
        foreach (var (key, value) in facts)
        {
            named[key] = value;
        }

        return new AgentRefusal(error, message, named);
    }
}

/// <summary>Carries a refusal to the edge.</summary>
internal sealed class AgentRefusedException(AgentRefusal refusal) : Exception(refusal.Message)
{
    public AgentRefusal Refusal { get; } = refusal;
}
