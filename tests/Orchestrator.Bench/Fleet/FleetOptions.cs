namespace Orchestrator.Bench.Fleet;

/// <summary>What is to be measured, as asked for.</summary>
internal sealed record FleetOptions
{
    public required int Hosts { get; init; }

    /// <summary>At least those that wait and those that move, since a guest has one migration at a time; the others are there to be started.</summary>
    public required int Guests { get; init; }

    public required int Queued { get; init; }

    public required int Running { get; init; }

    /// <summary>Measured with 1, 2, ... up to this many.</summary>
    public required int Replicas { get; init; }

    /// <summary>How long is measured with each number of replicas, once as many run as are meant to.</summary>
    public required int Seconds { get; init; }

    /// <summary>Mean length of a transfer; as many end, and begin, each second as run divided by this.</summary>
    public required int TransferSeconds { get; init; }

    /// <summary>Between two reports of each side of a migration.</summary>
    public required int ReportMilliseconds { get; init; }

    /// <summary>A quarter of them starts, half of them gets, an eighth each lists of migrations and of the queue.</summary>
    public required int CallsPerSecond { get; init; }

    /// <summary>Guests that are placed in one go, in memory.</summary>
    public required int Place { get; init; }

    public required int Seed { get; init; }

    /// <summary>Guests that the measured starts may use.</summary>
    public int Spare => Guests - Queued - Running;

    /// <returns>What is wrong; null = nothing.</returns>
    public string? Problem() =>
        Spare < 0 ? $"--guests must be at least {Queued + Running}, queued and running together, since a guest has one migration at a time; it is {Guests}."
        : Hosts > Guests ? $"--hosts must be at most --guests, {Guests}; it is {Hosts}."
        : null;
}
