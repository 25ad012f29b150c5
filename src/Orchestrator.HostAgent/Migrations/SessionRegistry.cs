using System.Collections.Concurrent;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Guests;
using Orchestrator.HostAgent.Service;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>The sessions of this agent, one per migration and role; read back from their journals at the start.</summary>
internal sealed partial class SessionRegistry(
    SessionFactory factory, GuestRegistry guests, AgentSettings settings, SessionPace pace, ILogger<SessionRegistry> logger) : IAsyncDisposable
{
    // Long enough for any commander to come back and repeat its last command.
    private static readonly TimeSpan s_closedKept = TimeSpan.FromDays(7);

    private readonly ConcurrentDictionary<(Guid MigrationId, SessionRole Role), Lazy<MigrationSession>> _sessions = new();
    private readonly ConcurrentDictionary<(Guid MigrationId, SessionRole Role), string> _damaged = new();

    /// <summary>
    /// A new report, whether it tells of more than the passing of time, and which replica commanded last. Take a note and return.
    /// </summary>
    public event Action<MigrationReport, bool, string>? Reported;

    private string Folder => Path.Combine(settings.RuntimeFolder, "migrations");

    /// <summary>Takes up what earlier agents left. Guests have been found before.</summary>
    public void Open()
    {
        Directory.CreateDirectory(Folder);
        foreach (var path in Directory.EnumerateDirectories(Folder))
        {
            if (ParseName(Path.GetFileName(path)) is { } key)
            {
                Open(key, path);
            }
        }
    }

    /// <exception cref="AgentRefusedException">With the reason.</exception>
    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken cancellation)
    {
        if (request.Attend is not null)
        {
            return Task.FromResult(Attend(request));
        }

        var key = (Guid.Parse(request.MigrationId), SessionCommands.RoleOf(request.CommandCase));
        if (_damaged.TryGetValue(key, out var why))
        {
            throw AgentErrors.WrongState($"The journal of this session is damaged, and nothing is done on a guess: {why}", "DAMAGED");
        }

        // A session that is asked for and never opened leaves nothing on the disk.
        return Get(key).ExecuteAsync(request, cancellation);
    }

    private ExecuteResponse Attend(ExecuteRequest request)
    {
        var migrationId = Guid.Parse(request.MigrationId);
        var sessions = new[] { SessionRole.Source, SessionRole.Target }.Select(role => Find(migrationId, role))
            .OfType<MigrationSession>().Where(session => session.Record.State != SessionState.Unspecified).ToList();
        if (sessions.Count == 0)
        {
            throw AgentErrors.SessionUnknown(migrationId);
        }

        return new ExecuteResponse { Report = sessions.Select(session => session.Attend(request.Epoch, request.ReplicaId)).ToList()[0] };
    }

    /// <exception cref="AgentRefusedException">With the reason.</exception>
    public Task<MigrationReport> HandOverAsync(HandOverRequest request, CancellationToken cancellation)
    {
        var migrationId = Guid.Parse(request.MigrationId);
        return Find(migrationId, SessionRole.Target) is TargetSession { Record.State: not SessionState.Unspecified } target
            ? target.HandOverAsync(request, cancellation)
            : throw AgentErrors.SessionUnknown(migrationId, SessionRole.Target);
    }

    /// <summary>A stream of reports to this replica is open until the result is disposed of.</summary>
    public IDisposable Listen(string replicaId) => factory.Attendance.Listen(replicaId);

    /// <summary>The present report of one migration, both roles, for somebody who sees to it.</summary>
    public IReadOnlyList<MigrationReport> Poll(Guid migrationId) =>
    [
        .. new[] { SessionRole.Source, SessionRole.Target }.Select(role => Find(migrationId, role))
            .OfType<MigrationSession>().Where(session => session.Record.State != SessionState.Unspecified)
            .Select(session =>
            {
                session.Heard();
                return session.Publish(urgent: false, []);
            }),
    ];

    /// <summary>The present reports of all sessions that are open or whose end nobody has acknowledged yet.</summary>
    public IReadOnlyList<MigrationReport> PollUnacknowledged() =>
    [
        .. _sessions.Values.Select(session => session.Value)
            .Where(session => session.Record.State is not (SessionState.Unspecified or SessionState.Closed))
            .Select(session => session.Publish(urgent: false, [])),
    ];

    public async ValueTask DisposeAsync()
    {
        // Let go of at the end of the agent's serving, and once more by whoever made it.
        foreach (var key in _sessions.Keys)
        {
            if (_sessions.TryRemove(key, out var session))
            {
                await session.Value.DisposeAsync();
            }
        }
    }

    internal static (Guid MigrationId, SessionRole Role)? ParseName(string name) =>
        name.LastIndexOf('-') is var dash and > 0 && Guid.TryParseExact(name[..dash], "D", out var id)
            ? name[(dash + 1)..] switch
            {
                "source" => (id, SessionRole.Source),
                "target" => (id, SessionRole.Target),
                _ => null,
            }
            : null;

    private static string NameOf((Guid MigrationId, SessionRole Role) key) =>
        $"{key.MigrationId:D}-{(key.Role == SessionRole.Source ? "source" : "target")}";

    private void Open((Guid MigrationId, SessionRole Role) key, string path)
    {
        try
        {
            var session = Get(key);
            if (session.Record.State == SessionState.Closed && pace.Clock.GetUtcNow() - session.Record.EndedAt > s_closedKept)
            {
                _sessions.TryRemove(key, out _);
                Directory.Delete(path, recursive: true);
                return;
            }

            session.Reattach(guests);
        }
        catch (JournalDamagedException damaged)
        {
            _sessions.TryRemove(key, out _);
            _damaged[key] = damaged.Message;
            LogDamaged(path, damaged.Message);
        }
    }

    private MigrationSession? Find(Guid migrationId, SessionRole role) =>
        _sessions.TryGetValue((migrationId, role), out var session) ? session.Value : null;

    private MigrationSession Get((Guid MigrationId, SessionRole Role) key) => _sessions.GetOrAdd(
        key, _ => new Lazy<MigrationSession>(() => Create(key))).Value;

    private MigrationSession Create((Guid MigrationId, SessionRole Role) key)
    {
        var session = factory.Create(key.Role, new SessionLog(Path.Combine(Folder, NameOf(key)), pace.Clock));
        session.Reported += (report, urgent, replicaId) => Reported?.Invoke(report, urgent, replicaId);
        return session;
    }

    [LoggerMessage(1, LogLevel.Error, "{Folder} cannot be believed and its session takes no commands; both sides have to be looked at: {Reason}")]
    private partial void LogDamaged(string folder, string reason);
}
