namespace Orchestrator.BootGuest;

/// <summary>A line and when it came.</summary>
/// <param name="At">
/// Time on the reader's clock, counted from that clock's own zero. Lines of several readers compare when the readers share one clock.
/// </param>
public sealed record StampedLine(TimeSpan At, SerialLine Line);
