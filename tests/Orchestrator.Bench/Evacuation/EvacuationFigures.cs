namespace Orchestrator.Bench.Evacuation;

/// <summary>How one evacuation went. Times in seconds of virtual time.</summary>
internal sealed record EvacuationFigures
{
    public required string By { get; init; }

    /// <summary>When the last guest was off; null when some never were.</summary>
    public required double? Makespan { get; init; }

    public required double Bound { get; init; }

    /// <summary>Makespan as a multiple of the bound; null when some guests never left.</summary>
    public double? Ratio => Makespan / Bound;

    public required int GuestsLeft { get; init; }

    /// <summary>When nine of ten guests were off; null = never.</summary>
    public required double? NineTenths { get; init; }

    /// <summary>Sent, as a multiple of the guests' memory.</summary>
    public required double BytesShare { get; init; }

    public required int MostAtOnce { get; init; }

    public required int AttemptsThatFailed { get; init; }

    public required double LongestDowntime { get; init; }

    /// <summary>What the plan had said before; of ours only.</summary>
    public double? Planned { get; init; }

    public static EvacuationFigures Of(Simulation simulation, Evacuator by)
    {
        var guests = simulation.Setup.Guests;
        var ends = simulation.Ends;
        var left = guests.Count - ends.Count;
        var tenth = (int)Math.Ceiling(guests.Count * 0.9);
        return new EvacuationFigures
        {
            By = by.Name,
            Makespan = left == 0 ? ends[^1] : null,
            Bound = simulation.Setup.Bound(),
            GuestsLeft = left,
            NineTenths = ends.Count >= tenth ? ends[tenth - 1] : null,
            BytesShare = simulation.BytesSent / guests.Sum(guest => guest.Memory),
            MostAtOnce = simulation.MostAtOnce,
            AttemptsThatFailed = simulation.Ended.Count(transfer => transfer.End is not TransferEnd.Completed),
            LongestDowntime = simulation.Ended.Where(transfer => transfer.End is TransferEnd.Completed).Select(transfer => transfer.Guest.Downtime ?? 0).DefaultIfEmpty(0).Max(),
            Planned = by is OurEvacuator ours ? ours.Plan.Total.TotalSeconds : null,
        };
    }
}
