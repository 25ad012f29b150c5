namespace Orchestrator.BootGuest;

/// <summary>A heartbeat and when it came, on the same clock as <see cref="StampedLine.At"/>.</summary>
internal sealed record StampedBeat(TimeSpan At, Heartbeat Heartbeat);
