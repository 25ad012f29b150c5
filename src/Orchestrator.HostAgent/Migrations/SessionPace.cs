namespace Orchestrator.HostAgent.Migrations;

/// <summary>How often sessions look at their engines, and by which clock.</summary>
internal sealed record SessionPace(TimeSpan Interval, TimeProvider Clock);
