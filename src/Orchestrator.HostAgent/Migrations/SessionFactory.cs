using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>Makes a session of its log: what each kind needs besides is known here only.</summary>
internal sealed class SessionFactory(
    GuestRegistry guests, GuestLauncher launcher, SourceContacts contacts, SessionPace pace, ILoggerFactory loggers)
{
    public Attendance Attendance => contacts.Attendance;

    public MigrationSession Create(SessionRole role, SessionLog log) => role == SessionRole.Source
        ? new SourceSession(log, guests, contacts, pace, loggers.CreateLogger<SourceSession>())
        : new TargetSession(log, guests, launcher, pace, loggers.CreateLogger<TargetSession>());
}
