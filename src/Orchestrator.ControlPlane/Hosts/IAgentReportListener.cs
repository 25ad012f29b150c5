using Orchestrator.Agent.V1;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>
/// Wants what agents report about migrations. Register it as a singleton of this interface. It is called from the loop that reads the
/// host's stream: it must return at once, so a listener that has work to do puts the reports into a mailbox of its own. Calls about one
/// host come one at a time and in order; calls about different hosts come at the same time. It cannot ask for <see cref="AgentLinks"/>
/// in its constructor, since that asks for the listeners.
/// </summary>
internal interface IAgentReportListener
{
    /// <param name="arrivedAt"><see cref="TimeProvider.GetTimestamp"/> when the message had been read.</param>
    void OnReports(string hostId, IReadOnlyList<MigrationReport> reports, long arrivedAt);

    /// <summary>The stream is up. Another instance id than last time means that the agent restarted.</summary>
    void OnHostConnected(string hostId, string agentInstanceId);

    /// <summary>The stream is down; what the host does now is not known.</summary>
    void OnHostLost(string hostId);
}
