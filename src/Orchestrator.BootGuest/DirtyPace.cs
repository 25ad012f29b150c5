using System.Runtime.CompilerServices;

namespace Orchestrator.BootGuest;

/// <summary>How fast the guest rewrites its working set. Closed: every kind is declared here.</summary>
public abstract record DirtyPace
{
    /// <summary>The most MiB/s that can be asked for.</summary>
    public const int FastestMebibytesPerSecond = 65535;

    private DirtyPace()
    {
    }

    /// <summary>
    /// At a set rate, halted in between. Owes at most 1/20 s of pages: after a stop it goes on at its rate and makes nothing up.
    /// </summary>
    public sealed record Steady : DirtyPace
    {
        /// <exception cref="ArgumentOutOfRangeException">Not 1..65535.</exception>
        public Steady(int mebibytesPerSecond) => MebibytesPerSecond = InRange(mebibytesPerSecond);

        public int MebibytesPerSecond { get; }
    }

    /// <summary>As fast as the vCPU goes: tens of GiB/s even under TCG, because a visit touches four words of a page.</summary>
    public sealed record FlatOut : DirtyPace;

    /// <summary>
    /// Keeps the vCPU busy with work between pages, measured at boot so that a whole vCPU reaches about this rate: a throttled
    /// vCPU dirties less. On another host, or after a migration to one, the rate is another.
    /// </summary>
    public sealed record CpuBound : DirtyPace
    {
        /// <exception cref="ArgumentOutOfRangeException">Not 1..65535.</exception>
        public CpuBound(int mebibytesPerSecond) => MebibytesPerSecond = InRange(mebibytesPerSecond);

        public int MebibytesPerSecond { get; }
    }

    private static int InRange(int mebibytesPerSecond, [CallerArgumentExpression(nameof(mebibytesPerSecond))] string? name = null) =>
        mebibytesPerSecond is >= 1 and <= FastestMebibytesPerSecond
            ? mebibytesPerSecond
            : throw new ArgumentOutOfRangeException(name, mebibytesPerSecond, $"{name} must be 1..{FastestMebibytesPerSecond}.");
}
