using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Schedules.Bells;

namespace Orchestrator.ControlPlane.Notices;

/// <summary>Rings in this process whenever a notice was written, on whichever replica. May be lost: whoever listens looks now and then without.</summary>
internal sealed class NoticeChanges : IDisposable
{
    private readonly BellCord _cord = new();
    private readonly IDisposable _subscription;

    public NoticeChanges(NotificationListener notifications) =>
        _subscription = notifications.Subscribe(NotificationChannel.Notice, _ => _cord.Pull(), _cord.Pull);

    public BellListener Listen() => _cord.Listen();

    public void Dispose() => _subscription.Dispose();
}
