namespace Orchestrator.Plant.Tests.Recordings;

/// <summary>One total, as recorded and as played, and how far apart the two may be.</summary>
internal sealed record Figure(string Name, double Recorded, double Played, double Allowed, bool OfRecorded)
{
    public bool IsNear => Math.Abs(Error) <= Allowed;

    private double Error => OfRecorded ? (Played - Recorded) / Recorded : Played - Recorded;

    /// <param name="allowed">Share of what was recorded.</param>
    public static Figure Share(string name, double recorded, double played, double allowed) => new(name, recorded, played, allowed, true);

    /// <param name="allowed">In the figure's own unit.</param>
    public static Figure Plain(string name, double recorded, double played, double allowed) => new(name, recorded, played, allowed, false);

    public override string ToString() => OfRecorded
        ? FormattableString.Invariant($"{Name} recorded {Recorded:0.##}, played {Played:0.##}, {100 * Error:+0.0;-0.0} % of ±{100 * Allowed:0} %")
        : FormattableString.Invariant($"{Name} recorded {Recorded:0.##}, played {Played:0.##}, {Error:+0.0;-0.0} of ±{Allowed:0.#}");
}
