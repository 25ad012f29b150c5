using Orchestrator.Bench.Measuring;

namespace Orchestrator.Bench.Placement;

/// <summary>What was measured, as the JSON has it.</summary>
internal sealed record PlacementResult
{
    public required PlacementOptions Options { get; init; }

    public Machine? Machine { get; init; }

    public double LoadAverageBefore { get; init; }

    public double LoadAverageAfter { get; init; }

    /// <summary>Making a ledger of the whole fleet, once.</summary>
    public required double BuildMs { get; init; }

    /// <summary>Choosing a host for one guest.</summary>
    public required Distribution? ChooseMs { get; init; }

    /// <summary>CPU time of the whole process for one choice, on average: what is left when others do not take the CPU away.</summary>
    public required double ChooseCpuMs { get; init; }

    public required int ChoicesWithoutHost { get; init; }

    /// <summary>Explaining one guest for all hosts.</summary>
    public required double ExplainMs { get; init; }

    public required BatchFigures Batch { get; init; }

    public required FillFigures Fill { get; init; }
}

/// <summary>Some hosts are emptied onto the others.</summary>
internal sealed record BatchFigures
{
    public required int Guests { get; init; }

    public required int HostsEmptied { get; init; }

    public required int Placed { get; init; }

    /// <summary>Choosing and holding room for all of them, on a ledger that is there.</summary>
    public required double TookMs { get; init; }

    /// <summary>On one host.</summary>
    public required int ArrivalsMost { get; init; }

    public required int ArrivalsLeastPossible { get; init; }

    /// <summary>Of the memory of the fullest host that got a guest, in use in the end.</summary>
    public required double MemoryShareMost { get; init; }

    /// <summary>No placement can do better, terms aside: as if guests were water.</summary>
    public required double MemoryShareMostPossible { get; init; }
}

/// <summary>
/// The fleet is filled up with guests of all sizes and no terms; shares of the memory that was free at first, which no placement can
/// exceed.
/// </summary>
internal sealed record FillFigures(int Hosts, int GuestsPlaced, double ShareAtFirstRefusal, double ShareInTheEnd);
