using Orchestrator.ControlPlane.Database.Notifications;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Has the links look at the hosts at once when another replica has declared one dead or readmitted it.</summary>
internal sealed class HostNotifications(NotificationListener notifications, AgentLinks links) : IHostedService
{
    private IDisposable? _subscription;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _subscription = notifications.Subscribe(NotificationChannel.Host, _ => links.SyncSoon(), links.SyncSoon);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _subscription?.Dispose();
        return Task.CompletedTask;
    }
}
