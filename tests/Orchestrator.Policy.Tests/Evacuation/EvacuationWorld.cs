using Orchestrator.Policy.Evacuation;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Tests.Evacuation;

/// <summary>Hosts and guests that do what the conductor says, more or less, in virtual time.</summary>
internal sealed class EvacuationWorld(DrawnFleet drawn, IReadOnlyList<int> fate)
{
    private static readonly TimeSpan s_beat = TimeSpan.FromSeconds(2);
    private readonly Dictionary<string, GuestFacts> _guests = drawn.Facts.Guests.ToDictionary(guest => guest.GuestId, StringComparer.Ordinal);
    private readonly Dictionary<(string GuestId, int Attempt), Move> _moves = [];
    private readonly HashSet<string> _cordoned =
        drawn.Facts.Fleet.Hosts.Where(host => host.Cordoned).Select(host => host.HostId).ToHashSet(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> _emptySince = new(StringComparer.Ordinal);
    private int _drawn;

    public DateTimeOffset Now { get; private set; } = DrawnFleet.Now;

    public EvacuationState State { get; set; } = EvacuationConductor.Start(drawn.Terms);

    public List<ConductorAction.Begin> Begun { get; } = [];

    public List<(ConductorAction.Begin Move, MoveProgress End)> Ends { get; } = [];

    /// <summary>Hosts that somebody cordons at that second.</summary>
    public Dictionary<string, int> CordonedAt { get; init; } = [];

    public IReadOnlyCollection<GuestFacts> Guests => _guests.Values;

    public ConductorFacts Facts()
    {
        var reports = _moves.Values.Select(move => move.Report(Now)).ToList();
        var guests = _guests.Values.Select(Seen).ToList();
        var others = drawn.Facts.Fleet.Guests.Where(guest => !_guests.ContainsKey(guest.GuestId));
        return new ConductorFacts(
            drawn.Facts with
            {
                Fleet = new FleetSnapshot(
                    Now, [.. drawn.Facts.Fleet.Hosts.Select(Seen)], [.. guests.Select(guest => guest.Placement.Guest).Concat(others)]),
                Guests = guests,
                Foreign = [],
            },
            reports);
    }

    public void Run(int beats, Action<ConductorFacts, ConductorStep>? look = null)
    {
        for (var beat = 0; beat < beats && !State.HasEnded; beat++)
        {
            foreach (var pair in CordonedAt.Where(pair => DrawnFleet.Now.AddSeconds(pair.Value) <= Now))
            {
                _cordoned.Add(pair.Key);
            }

            var facts = Facts();
            var step = EvacuationConductor.Next(drawn.Terms, State, facts, Now);
            look?.Invoke(facts, step);
            State = step.State;
            foreach (var action in step.Actions.Where(_ => Fate(20) != 0))
            {
                Do(action);
            }

            Now += s_beat;
            _moves.Values.Where(move => move.End is null && move.Ends <= Now).ToList().ForEach(Finish);
            GiveHostsBack();
        }
    }

    /// <summary>What is promised on a host, arrivals included.</summary>
    public long Promised(string hostId) =>
        _guests.Values.Where(guest => guest.HostId == hostId).Sum(guest => guest.Memory.Bytes)
        + _moves.Values.Where(move => move.End is null && move.Begin.TargetHostId == hostId && _guests.ContainsKey(move.Begin.GuestId))
            .Sum(move => _guests[move.Begin.GuestId].Memory.Bytes);

    public long Allocatable(string hostId) => drawn.Facts.Fleet.Hosts.Single(host => host.HostId == hostId).MemoryAllocatable.Bytes;

    private FleetHost Seen(FleetHost host) =>
        host with { VcpusAllocatable = int.MaxValue, Cordoned = _cordoned.Contains(host.HostId) };

    // Room is held on the target for as long as a move lasts.
    private GuestFacts Seen(GuestFacts guest) => At(
        guest,
        guest.HostId,
        _moves.Values.FirstOrDefault(move => move.End is null && move.Begin.GuestId == guest.GuestId)?.Begin.TargetHostId);

    private static GuestFacts At(GuestFacts guest, string hostId, string? targetHostId) => guest with
    {
        Placement = guest.Placement with { Guest = guest.Placement.Guest with { HostId = hostId, TargetHostId = targetHostId } },
    };

    private void Do(ConductorAction action)
    {
        switch (action)
        {
            case ConductorAction.Cordon(var host):
                _cordoned.Add(host);
                return;
            case ConductorAction.Uncordon(var host):
                _cordoned.Remove(host);
                return;
            case ConductorAction.Begin begin:
                Begun.Add(begin);
                _moves.TryAdd((begin.GuestId, begin.Attempt), new Move(begin, Now, Now.AddSeconds(3 + Fate(90)), Fate(100)));
                return;
            case ConductorAction.CancelMove(var guest, var attempt, _):
                if (_moves.TryGetValue((guest, attempt), out var move) && move.End is null)
                {
                    move.End = MoveProgress.Cancelled;
                }

                return;
            case ConductorAction.Stop(var guest, _):
                _guests[guest] = _guests[guest] with { Activity = GuestActivity.Stopped };
                return;
            case ConductorAction.StartElsewhere(var guest, _, var target):
                _guests[guest] = At(_guests[guest], target, null) with { Activity = GuestActivity.Running };
                return;
        }
    }

    private void Finish(Move move)
    {
        move.End = move.Fate switch
        {
            < 65 => MoveProgress.Completed,
            < 95 => MoveProgress.Failed,
            < 98 => MoveProgress.Cancelled,
            _ => MoveProgress.NeedsAttention,
        };
        Ends.Add((move.Begin, move.End.Value));
        if (move.End is MoveProgress.Completed && _guests.TryGetValue(move.Begin.GuestId, out var guest))
        {
            _guests[move.Begin.GuestId] = At(guest, move.Begin.TargetHostId, null);
        }
    }

    // Somebody has done his work on an empty host after a minute.
    private void GiveHostsBack()
    {
        foreach (var host in State.Hosts)
        {
            if (host.Phase is not HostPhase.Empty)
            {
                _emptySince.Remove(host.HostId);
            }
            else if (_emptySince.TryAdd(host.HostId, Now) || _emptySince[host.HostId].AddMinutes(1) > Now)
            {
                continue;
            }
            else
            {
                _cordoned.Remove(host.HostId);
            }
        }
    }

    private int Fate(int bound) => fate[_drawn++ % fate.Count] % bound;

    private sealed class Move(ConductorAction.Begin begin, DateTimeOffset since, DateTimeOffset ends, int fate)
    {
        public ConductorAction.Begin Begin => begin;

        public DateTimeOffset Ends => ends;

        public int Fate => fate;

        public MoveProgress? End { get; set; }

        public MoveReport Report(DateTimeOffset now) => new()
        {
            GuestId = begin.GuestId,
            Attempt = begin.Attempt,
            Progress = End ?? (now < since.AddSeconds(3) ? fate % 2 == 0 ? MoveProgress.Queued : MoveProgress.Preparing : MoveProgress.Transferring),
            Message = End is MoveProgress.Failed ? "the engine failed" : "",
            TransferringFor = now < since.AddSeconds(3) ? TimeSpan.Zero : now - since.AddSeconds(3),
        };
    }
}
