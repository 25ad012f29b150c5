using System.Threading.Channels;
using Orchestrator.V1;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations.Watching;

/// <summary>What waits for one watcher: every transition, decision and snapshot in order, and of readings only the latest.</summary>
internal sealed class MigrationWatcher(Guid? only, MigrationQuery query, int capacity, Action<MigrationWatcher> leave) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private List<MigrationHappening> _happenings = [];
    private Dictionary<Guid, Reading> _readings = [];
    private bool _tooSlow;

    public bool Wants(Migration migration, params ReadOnlySpan<LifecyclePhase> phases) =>
        (only is null || only == migration.MigrationId) && query.Matches(migration, phases);

    public void Put(MigrationHappening happening)
    {
        lock (_gate)
        {
            if (_happenings.Count >= capacity)
            {
                _tooSlow = true;
                _happenings = [];
            }

            if (_tooSlow)
            {
                _readings.Clear();
            }
            else
            {
                _happenings.Add(happening);
            }
        }

        _bell.Writer.TryWrite(true);
    }

    public void Offer(Guid migrationId, Reading reading)
    {
        lock (_gate)
        {
            if (_tooSlow)
            {
                return;
            }

            _readings[migrationId] = reading;
        }

        _bell.Writer.TryWrite(true);
    }

    /// <returns>What has come together since the last time; null when the watcher read too slowly and was dropped.</returns>
    public async Task<IReadOnlyList<MigrationHappening>?> NextAsync(CancellationToken cancellation)
    {
        await _bell.Reader.ReadAsync(cancellation);
        lock (_gate)
        {
            if (_tooSlow)
            {
                return null;
            }

            var next = _happenings;
            foreach (var (migrationId, reading) in _readings)
            {
                next.Add(new MigrationHappening { MigrationId = migrationId.ToString(), Reading = reading });
            }

            _happenings = [];
            _readings = [];
            return next;
        }
    }

    public void Dispose() => leave(this);
}
