namespace Orchestrator.Policy.Evacuation;

/// <summary>List scheduling in virtual time: begins what may begin, moves time on to what happens next, and so on until all is over.</summary>
internal sealed class VirtualRun
{
    // Times that is looked for more to begin while a transfer comes to its end.
    private const int Looks = 4;

    private readonly FleetFacts _facts;
    private readonly Links _links;
    private readonly double _lead;
    private readonly List<Running> _running = [];
    private readonly List<AssignedMove> _waiting;
    private double _now;

    public VirtualRun(FleetFacts facts, IReadOnlyList<AssignedMove> moves, IReadOnlyList<BegunMove> begun)
    {
        (_facts, _links, _lead) = (facts, new Links(facts), NextMoves.Lead(facts.Pace).TotalSeconds);
        _waiting = [.. NextMoves.InOrder(facts, _links, moves)];
        _running.AddRange(begun.Select(move => new Running(move, null) { PhaseLeft = PhaseTime(move.Stage) }));
        var number = 0;
        _running.AddRange(facts.Foreign.Select(other => new Running(
            new BegunMove(
                FormattableString.Invariant($" foreign {number++}"),
                new Flow(other.SourceHostId, other.TargetHostId, other.Weight, DataRate.Zero),
                MoveStage.Transferring,
                other.Left,
                Slow: false),
            null)
        { IsForeign = true }));
        foreach (var running in _running)
        {
            running.Left = running.Move.Left.Bytes;
        }
    }

    /// <summary>Each planned move: when it is begun, when its transfer begins and when it is over, in seconds from now.</summary>
    public List<(AssignedMove Move, double Start, double Transfers, double End)> Timeline { get; } = [];

    /// <summary>By guest id: when those that were under way already end, in seconds from now.</summary>
    public Dictionary<string, double> BegunEnds { get; } = new(StringComparer.Ordinal);

    public void Run()
    {
        while (true)
        {
            BeginWhatMay();
            if (_running.All(running => running.IsForeign) && _waiting.Count == 0)
            {
                return;
            }

            Advance();
        }
    }

    private void BeginWhatMay()
    {
        Reshare();
        if (_waiting.Count == 0)
        {
            return;
        }

        var ours = _running.Where(running => !running.IsForeign).ToList();
        var foreign = _facts with
        {
            Foreign = [.. _running.Where(running => running.IsForeign).Select(running => new ForeignTransfer(
                running.Move.Flow.Source, running.Move.Flow.Target, new DataSize((long)running.Left), running.Move.Flow.Weight))],
        };
        var next = new NextMoves(
            foreign,
            _links,
            [.. ours.Select(running => running.Move with { Stage = running.Stage, Left = new DataSize((long)running.Left) })],
            [.. ours.Select(running => running.Rate)]);
        for (var index = 0; index < _waiting.Count;)
        {
            // With nothing under way there is nothing to wait for.
            if (next.CanBegin(_waiting[index]) || _running.Count == 0)
            {
                next.Begin(_waiting[index]);
                Begin(_waiting[index]);
                _waiting.RemoveAt(index);
            }
            else
            {
                index++;
            }
        }
    }

    private void Begin(AssignedMove move)
    {
        var stage = move.Wish.Treatment is GuestTreatment.Restart ? MoveStage.Restarting : MoveStage.Preparing;
        var begun = new BegunMove(move.Guest.GuestId, move.Flow(_facts.Limits.Weight), stage, move.Forecast.Bytes, Slow: false);
        _running.Add(new Running(begun, move) { Left = begun.Left.Bytes, PhaseLeft = PhaseTime(stage), Start = _now });
    }

    private double PhaseTime(MoveStage stage) => stage switch
    {
        MoveStage.Announced or MoveStage.Preparing => _facts.Pace.Prepare.TotalSeconds,
        MoveStage.Prepared or MoveStage.Transferring => 0,
        MoveStage.Finishing => _facts.Pace.Finish.TotalSeconds,
        MoveStage.Restarting => _facts.Pace.Restart.TotalSeconds,
    };

    private void Reshare()
    {
        _running.ForEach(LetThrough);
        var sending = _running.Where(running => running.Stage is MoveStage.Transferring).ToList();
        var rates = _links.Shares([.. sending.Select(running => running.Move.Flow)]);
        for (var index = 0; index < sending.Count; index++)
        {
            sending[index].Rate = rates[index];
        }
    }

    // The second gate: prepared moves wait until there is a place among those that transfer.
    private void LetThrough(Running running)
    {
        if (running.Stage is not MoveStage.Prepared)
        {
            return;
        }

        var limits = _facts.Limits;
        var sending = _running.Where(other => other.Stage is MoveStage.Transferring or MoveStage.Finishing).ToList();
        if (sending.Count < limits.Transferring
            && sending.Count(other => other.Move.Flow.Source == running.Move.Flow.Source) < limits.TransferringPerSource
            && sending.Count(other => other.Move.Flow.Target == running.Move.Flow.Target) < limits.TransferringPerTarget)
        {
            (running.Stage, running.Transfers) = (MoveStage.Transferring, _now);
        }
    }

    private void Advance()
    {
        var step = double.PositiveInfinity;
        foreach (var running in _running.Where(running => running.Stage is not MoveStage.Prepared))
        {
            var ends = running.Stage is not MoveStage.Transferring ? running.PhaseLeft : running.Left / Math.Max(running.Rate, 1e-3);
            step = Math.Min(step, ends);

            if (running.Stage is MoveStage.Transferring && _waiting.Count > 0)
            {
                // No ends, but moments to begin the next: from here on it needs less and less of its links.
                var tapers = (running.Left - (_links.Full(running.Move.Flow) * _lead)) / Math.Max(running.Rate, 1e-3);
                step = Math.Min(step, tapers > 0 ? tapers : _lead / Looks);
            }
        }

        // Less than this is rounding: time must go on.
        step = Math.Max(step, 1e-6);
        _now += step;
        foreach (var running in _running)
        {
            Spend(running, step);
        }

        _running.RemoveAll(running => running.Over);
    }

    private void Spend(Running running, double step)
    {
        if (running.Stage is MoveStage.Prepared)
        {
            return;
        }

        if (running.Stage is MoveStage.Transferring)
        {
            running.Left -= running.Rate * step;
            if (running.Left < 1)
            {
                running.Left = 0;
                (running.Stage, running.PhaseLeft) = (MoveStage.Finishing, running.IsForeign ? 0 : PhaseTime(MoveStage.Finishing));
                running.Over = running.IsForeign;
            }

            return;
        }

        running.PhaseLeft -= step;
        if (running.PhaseLeft > 1e-9)
        {
            return;
        }

        if (running.Stage is MoveStage.Announced or MoveStage.Preparing)
        {
            running.Stage = MoveStage.Prepared;
            return;
        }

        running.Over = true;
        if (running.Planned is { } move)
        {
            Timeline.Add((move, running.Start, running.Transfers, _now));
        }
        else
        {
            BegunEnds[running.Move.GuestId] = _now;
        }
    }

    private sealed class Running(BegunMove move, AssignedMove? planned)
    {
        public BegunMove Move => move;

        public AssignedMove? Planned => planned;

        public bool IsForeign { get; init; }

        public MoveStage Stage { get; set; } = move.Stage;

        public double Left { get; set; }

        public double PhaseLeft { get; set; }

        public double Rate { get; set; }

        public double Start { get; init; }

        public double Transfers { get; set; }

        public bool Over { get; set; }
    }
}
