using System.Globalization;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Admission;

/// <summary>Says what a migration waits for.</summary>
internal static class WaitWords
{
    public static WaitReason ItsTurn(string message) => new(WaitCause.ItsTurn, message);

    public static WaitReason FleetLimit(int used, int limit) =>
        new(WaitCause.FleetLimit, $"{used} migrations are transferring, at most {limit} may", "", used, limit);

    public static WaitReason PreparingLimit(int used, int limit) => new(
        WaitCause.PreparingLimit, $"{used} migrations are being prepared or wait prepared for their transfer, at most {limit} may", "", used, limit);

    public static WaitReason SourceLimit(string hostId, int used, int limit, bool preparing) => new(
        WaitCause.SourceLimit, $"{Doing(used, preparing)} from its source {hostId}, at most {limit} may", hostId, used, limit);

    public static WaitReason TargetLimit(string hostId, int used, int limit, bool preparing) => new(
        WaitCause.TargetLimit, $"{Doing(used, preparing)} to its target {hostId}, at most {limit} may", hostId, used, limit);

    public static WaitReason TargetsBusy(int heldBack) => new(
        WaitCause.TargetLimit,
        heldBack == 1
            ? "the only host that could take it prepares as many arrivals as it may, or is kept for one that has waited long"
            : $"the {heldBack} hosts that could take it prepare as many arrivals as they may, or are kept for some that have waited long");

    public static WaitReason LabelLimit(Place place, int used, bool preparing) => new(
        WaitCause.LabelLimit, $"{Doing(used, preparing)} into or out of {place.Subject}, at most {place.Limit} may", place.Subject, used, place.Limit);

    public static WaitReason Link(LinkUse link, DataRate least) => new(
        WaitCause.Link,
        $"the link {(link.Out ? "out of" : "into")} {link.HostId} gives migrations {Rate(link.Capacity)}, "
            + $"{link.Transfers} are on it, and one more would leave less than {least} for each",
        link.HostId,
        (long)link.Promised,
        (long)link.Capacity);

    public static WaitReason NoTarget(DataSize memory) => new(WaitCause.NoTarget, $"no host that takes guests has {memory} of memory free");

    public static WaitReason NoTarget(ObstacleTally tally) => new(
        WaitCause.NoTarget,
        tally.Hosts == 0 ? "there is no host"
            : $"none of {tally.Hosts} hosts can take it: {string.Join(", ", tally.Counts.Select(count => $"{count.Hosts} {Word(count.Obstacle)}"))}");

    public static WaitReason TargetGone(string hostId) => new(WaitCause.TargetUnfit, $"its target {hostId} is not registered", hostId);

    public static WaitReason TargetUnfit(string hostId, IEnumerable<ObstacleFound> obstacles) => new(
        WaitCause.TargetUnfit,
        $"its target {hostId} cannot take it: {string.Join("; ", obstacles.Select(obstacle => obstacle.Message))}",
        hostId);

    public static WaitReason TargetKept(string hostId) => new(
        WaitCause.TargetUnfit, $"what gets free on its target {hostId} is kept for one that has waited long", hostId);

    public static WaitReason TargetSilent(string hostId) =>
        new(WaitCause.TargetUnfit, $"the agent of its target {hostId} does not answer", hostId);

    public static WaitReason SourceNotConnected(string hostId) =>
        new(WaitCause.SourceNotConnected, $"the agent of its source {hostId} does not answer", hostId);

    public static WaitReason Paused() => new(WaitCause.Paused, "its evacuation is paused");

    public static WaitReason NotBefore(DateTimeOffset time) => new(WaitCause.NotBefore, $"it is not to start before {Moment(time)}");

    public static WaitReason Notice(DateTimeOffset until) =>
        new(WaitCause.Notice, $"its owner has been told and has time until {Moment(until)}");

    private static string Doing(int used, bool preparing) => (used, preparing) switch
    {
        (1, true) => "1 migration is being prepared",
        (1, false) => "1 migration is transferring",
        (_, true) => $"{used} migrations are being prepared",
        (_, false) => $"{used} migrations are transferring",
    };

    private static string Word(Obstacle obstacle) => obstacle switch
    {
        Obstacle.IsSource => "is its source",
        Obstacle.NotConnected => "not connected",
        Obstacle.Cordoned => "cordoned",
        Obstacle.HostSelector => "not selected by its terms",
        Obstacle.Accelerator => "without its accelerator",
        Obstacle.MachineType => "without its machine type",
        Obstacle.EngineVersion => "with an older engine",
        Obstacle.CpuModel => "without its CPU flags",
        Obstacle.RecentFailure => "where it failed lately",
        Obstacle.Memory => "without the memory",
        Obstacle.Cpus => "without the CPUs",
        Obstacle.Device => "without the device",
        Obstacle.AntiAffinity => "too near to another guest",
        Obstacle.Affinity => "too far from another guest",
    };

    private static string Moment(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Rate(double bytesPerSecond) => new DataRate((long)bytesPerSecond).ToString();
}
