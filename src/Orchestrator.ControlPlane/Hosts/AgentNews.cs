using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Guests;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Hands what the links read to whom it concerns. A listener that throws does not end the stream.</summary>
internal sealed partial class AgentNews(
    IEnumerable<IAgentReportListener> listeners, GuestObservations guests, ILogger<AgentNews> logger)
{
    private readonly IAgentReportListener[] _listeners = [.. listeners];

    public void Connected(string hostId, string agentInstanceId) => Each(hostId, listener => listener.OnHostConnected(hostId, agentInstanceId));

    public void Lost(string hostId) => Each(hostId, listener => listener.OnHostLost(hostId));

    public void Message(string hostId, ObserveResponse message, long arrivedAt)
    {
        if (message.HasGuests)
        {
            guests.Put(hostId, message.Guests);
        }

        if (message.Reports.Count == 0)
        {
            return;
        }

        foreach (var listener in _listeners)
        {
            try
            {
                listener.OnReports(hostId, message.Reports, arrivedAt);
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                LogListenerFailed(hostId, failure);
            }
        }
    }

    private void Each(string hostId, Action<IAgentReportListener> tell)
    {
        foreach (var listener in _listeners)
        {
            try
            {
                tell(listener);
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                LogListenerFailed(hostId, failure);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Error, "Host {HostId}: a listener failed; the stream goes on without it.")]
    private partial void LogListenerFailed(string hostId, Exception failure);
}
