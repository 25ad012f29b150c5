using System.Threading.Channels;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.Policy.Lifecycle;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>
/// What waits for one migration's supervisor. Of each side only the latest report waits: a newer one supersedes those that were not read, so
/// a slow supervisor never works through what is history already. Everybody may put, one takes. It outlives a supervisor that is begun anew.
/// </summary>
internal sealed class MigrationMailbox(string sourceHostId, string targetHostId)
{
    /// <summary>Callers' wishes beyond this many are turned away.</summary>
    private const int MaxWishes = 32;

    private readonly Lock _gate = new();
    private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private ArrivedReport? _source;
    private ArrivedReport? _target;
    private HostSighting? _sourceHost;
    private HostSighting? _targetHost;
    private MigrationSlot? _slot;
    private MigrationSlot? _slotTaken;
    private List<CallerWish> _wishes = [];
    private List<CallEnded> _calls = [];
    private WishAnswer? _closed;

    /// <summary>A report of another host than the side's own is not this migration's.</summary>
    public void Offer(string hostId, MigrationReport report, long arrivedAt)
    {
        lock (_gate)
        {
            switch (report.Role)
            {
                case SessionRole.Source when hostId == sourceHostId && !(_source?.Report.Sequence > report.Sequence):
                    _source = new ArrivedReport(report, arrivedAt);
                    break;
                case SessionRole.Target when hostId == targetHostId && !(_target?.Report.Sequence > report.Sequence):
                    _target = new ArrivedReport(report, arrivedAt);
                    break;
                default:
                    return;
            }
        }

        Ring();
    }

    /// <param name="agentInstanceId">Null when the host was lost.</param>
    public void Sight(string hostId, string? agentInstanceId)
    {
        lock (_gate)
        {
            // What an agent said before it restarted is not compared with what it says afterwards.
            if (hostId == sourceHostId)
            {
                _source = agentInstanceId is null ? _source : null;
                _sourceHost = new HostSighting(agentInstanceId);
            }
            else if (hostId == targetHostId)
            {
                _target = agentInstanceId is null ? _target : null;
                _targetHost = new HostSighting(agentInstanceId);
            }
            else
            {
                return;
            }
        }

        Ring();
    }

    /// <summary>What admission has given it. The same again rings nobody.</summary>
    public void Offer(MigrationSlot slot)
    {
        lock (_gate)
        {
            if (slot == (_slot ?? _slotTaken))
            {
                return;
            }

            _slot = slot;
        }

        Ring();
    }

    public void Put(CallEnded call)
    {
        lock (_gate)
        {
            _calls.Add(call);
        }

        Ring();
    }

    /// <returns>False when too many wait already.</returns>
    public bool TryPut(CallerWish wish)
    {
        lock (_gate)
        {
            if (_closed is { } answer)
            {
                wish.Grant(answer);
                return true;
            }

            if (_wishes.Count >= MaxWishes)
            {
                return false;
            }

            _wishes.Add(wish);
        }

        Ring();
        return true;
    }

    /// <summary>Nobody takes from here any more: every wish, waiting or to come, has this answer.</summary>
    public void Close(WishAnswer answer)
    {
        lock (_gate)
        {
            _closed = answer;
            foreach (var wish in _wishes)
            {
                wish.Grant(answer);
            }

            _wishes = [];
        }
    }

    /// <summary>For a supervisor that begins: calls of the one before are not its own.</summary>
    public void DropCalls()
    {
        lock (_gate)
        {
            _calls = [];
        }
    }

    /// <summary>Makes the one who waits look again.</summary>
    public void Ring() => _bell.Writer.TryWrite(true);

    /// <summary>Waits until something is there, or somebody rang, and takes all of it.</summary>
    public async Task<Mail> TakeAsync(CancellationToken cancellation)
    {
        await _bell.Reader.ReadAsync(cancellation);
        lock (_gate)
        {
            // Lists that are handed out are nobody's any more; those that stay are not handed out.
            var mail = new Mail(
                _source, _target, _sourceHost, _targetHost, _calls.Count == 0 ? [] : _calls, _wishes.Count == 0 ? [] : _wishes,
                _slot);
            (_slot, _slotTaken) = (null, _slot ?? _slotTaken);
            (_source, _target, _sourceHost, _targetHost) = (null, null, null, null);
            _calls = _calls.Count == 0 ? _calls : [];
            _wishes = _wishes.Count == 0 ? _wishes : [];
            return mail;
        }
    }
}

/// <summary>What had come together.</summary>
internal sealed record Mail(
    ArrivedReport? Source,
    ArrivedReport? Target,
    HostSighting? SourceHost,
    HostSighting? TargetHost,
    IReadOnlyList<CallEnded> Calls,
    IReadOnlyList<CallerWish> Wishes,
    MigrationSlot? Slot);

/// <param name="ArrivedAt"><see cref="TimeProvider.GetTimestamp"/>.</param>
internal sealed record ArrivedReport(MigrationReport Report, long ArrivedAt);

/// <param name="AgentInstanceId">Null when the host was lost.</param>
internal sealed record HostSighting(string? AgentInstanceId);

/// <summary>A call to an agent has come back, with or without an answer.</summary>
internal abstract record CallEnded(MigrationSide Side)
{
    /// <param name="LeftAt">When it was sent; <see cref="TimeProvider.GetTimestamp"/>.</param>
    internal sealed record Command(MigrationSide Side, long CommandId, AgentReply Reply, long LeftAt) : CallEnded(Side);

    /// <param name="Report">Null when the agent has no such session.</param>
    /// <param name="Answered">False when the agent did not answer.</param>
    internal sealed record Poll(MigrationSide Side, bool Answered, MigrationReport? Report, long LeftAt) : CallEnded(Side);
}
