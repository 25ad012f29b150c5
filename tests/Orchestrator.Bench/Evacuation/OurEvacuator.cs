using Orchestrator.Policy;
using Orchestrator.Policy.Evacuation;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Bench.Evacuation;

/// <summary>The product's conductor, with preset "post-copy", or with preset "minimal-downtime" where nobody wants post-copy.</summary>
internal sealed class OurEvacuator : Evacuator
{
    private const string PostCopy = "post-copy";
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan s_beat = TimeSpan.FromSeconds(1);
    private readonly EvacuationTerms _terms;
    private readonly Dictionary<(string Guest, int Attempt), SimulatedTransfer> _transfers = [];
    private readonly HashSet<string> _cordoned = new(StringComparer.Ordinal);
    private EvacuationState _state;

    public OurEvacuator(Simulation simulation, bool postCopy)
        : base(simulation)
    {
        _terms = new EvacuationTerms
        {
            HostIds = [.. simulation.Setup.Hosts.Where(host => host.IsSource).Select(host => host.Id)],
            Policy = postCopy ? PostCopy : "minimal-downtime",
        };
        Name = postCopy ? "Orchestrator" : "no post-copy";
        _state = EvacuationConductor.Start(_terms);
        Plan = EvacuationPlanner.Plan(_terms, Facts().Fleet, s_start);
    }

    /// <summary>As told before anything moved.</summary>
    public EvacuationPlan Plan { get; }

    public override string Name { get; }

    public override bool HasGivenUp => _state.HasEnded;

    public override double Look()
    {
        // Twice: cordons first, what follows from them then.
        for (var look = 0; look < 2; look++)
        {
            var step = EvacuationConductor.Next(_terms, _state, Facts(), s_start.AddSeconds(Simulation.Now));
            _state = step.State;
            foreach (var action in step.Actions)
            {
                Do(action);
            }
        }

        return _state.HasEnded ? double.PositiveInfinity : Simulation.Now + s_beat.TotalSeconds;
    }

    private void Do(ConductorAction action)
    {
        switch (action)
        {
            case ConductorAction.Cordon(var host):
                _cordoned.Add(host);
                return;
            case ConductorAction.Begin begin when !_transfers.ContainsKey((begin.GuestId, begin.Attempt)):
                var guest = Simulation.Setup.Guests.Single(guest => guest.Id == begin.GuestId);
                _transfers[(begin.GuestId, begin.Attempt)] = Simulation.Begin(
                    guest, begin.TargetHostId, begin.Policy == PostCopy ? new PostCopyRules() : new MinimalDowntimeRules());
                return;
            case ConductorAction.CancelMove(var cancelled, var attempt, _):
                _transfers[(cancelled, attempt)].Cancel();
                return;
        }
    }

    private ConductorFacts Facts()
    {
        var ends = Simulation.Running.ToDictionary(transfer => transfer.Guest.Id, transfer => transfer.Target, StringComparer.Ordinal);
        List<GuestFacts> guests = [.. Simulation.Setup.Guests.Select(guest => Guest(guest, ends.GetValueOrDefault(guest.Id)))];
        return new ConductorFacts(
            new FleetFacts
            {
                Fleet = new FleetSnapshot(
                    s_start.AddSeconds(Simulation.Now),
                    [.. Simulation.Setup.Hosts.Select(Host)],
                    [.. guests.Select(guest => guest.Placement.Guest)]),
                Guests = guests,
            },
            [.. _transfers.Select(pair => Report(pair.Key.Guest, pair.Key.Attempt, pair.Value))]);
    }

    private FleetHost Host(SimulatedHost host) => new()
    {
        HostId = host.Id,
        Condition = HostCondition.Connected,
        Cordoned = _cordoned.Contains(host.Id),
        MemoryAllocatable = new DataSize((long)host.Memory + Simulation.Setup.Guests.Where(guest => guest.Home == host.Id).Sum(guest => (long)guest.Memory)),
        VcpusAllocatable = int.MaxValue,
        LinkSpeed = new DataRate((long)host.Up),
        Engines = [new FleetEngine("", ["kvm"], [])],
    };

    private static GuestFacts Guest(SimulatedGuest guest, string? target) => new()
    {
        Placement = new PlacementRequest(
            new FleetGuest { GuestId = guest.Id, HostId = guest.Host, TargetHostId = target, Memory = new DataSize((long)guest.Memory), Vcpus = 1 },
            new MachineNeeds { MachineType = "q35", CpuModel = "host", Accelerator = "kvm" }),
        DirtyRate = guest.ReportedDirtyRate is { } rate ? new DataRate((long)rate) : null,
        MaxDowntime = TimeSpan.FromMilliseconds(500),
    };

    private MoveReport Report(string guest, int attempt, SimulatedTransfer transfer) => new()
    {
        GuestId = guest,
        Attempt = attempt,
        Progress = transfer.End switch
        {
            TransferEnd.Completed => MoveProgress.Completed,
            TransferEnd.Failed or TransferEnd.Aborted => MoveProgress.Failed,
            TransferEnd.Cancelled => MoveProgress.Cancelled,
            null => transfer.Stage switch
            {
                TransferStage.Preparing => MoveProgress.Preparing,
                TransferStage.PreCopy or TransferStage.PostCopy => MoveProgress.Transferring,
                TransferStage.SwitchingOver => MoveProgress.Finishing,
            },
        },
        Message = transfer.End is TransferEnd.Failed ? "the stream broke" : "",
        Remaining = transfer.Sends ? new DataSize((long)transfer.Left) : null,
        Rate = transfer.Sends && transfer.Rate > 0 ? new DataRate((long)transfer.Rate) : null,
        TransferringFor = TimeSpan.FromSeconds(transfer.TransferringFor(Simulation.Now)),
    };
}
