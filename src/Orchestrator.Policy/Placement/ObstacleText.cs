using System.Globalization;

namespace Orchestrator.Policy.Placement;

/// <summary>Obstacles in words, with figures. Half sentences about the host, without full stop.</summary>
internal static class ObstacleText
{
    // Lists of names beyond this tell no more.
    private const int MostNames = 5;

    public static string Of(Search search, LedgerHost host, Obstacle obstacle) => obstacle switch
    {
        Obstacle.IsSource => "the guest is there already",
        Obstacle.NotConnected => NotConnected(host.Facts.Condition),
        Obstacle.Cordoned => host.CordonReason.Length == 0 ? "is cordoned" : $"is cordoned: {host.CordonReason}",
        Obstacle.HostSelector => string.Join("; ", search.Request.Guest.Placement.HostSelector
            .Where(requirement => !HostFacets.Holds(requirement, host.Facts.Labels))
            .Select(requirement => Requirement(requirement, host.Facts.Labels))),
        Obstacle.Accelerator => Accelerator(host.Facts, search.Request.Machine),
        Obstacle.MachineType => MachineType(host.Facts, search.Request.Machine),
        Obstacle.EngineVersion =>
            $"has engine {Versions(host.Facts, search.Request.Machine)}, the guest runs on {search.Request.Machine.EngineVersion}",
        Obstacle.CpuModel => $"its CPUs lack {Names(search.MissingFlags(host))} of {CpuNeed.Parse(search.Request.Machine.CpuModel).Name}",
        Obstacle.RecentFailure => Failure(search, host),
        Obstacle.Memory => Memory(search.Request.Guest.Memory, search.MemoryFree(host), host.Facts.MemoryAllocatable),
        Obstacle.Cpus => string.Create(
            CultureInfo.InvariantCulture,
            $"needs {Count(search.Request.Guest.Vcpus, "vCPU")}, {Math.Max(0, search.VcpusFree(host))} of {host.Facts.VcpusAllocatable} are free"),
        Obstacle.Device => string.Join(
            "; ", DeviceMatch.Find(host, search.Request.Guest).Unmet.Select(need => Device(host, search.Request.Guest, need))),
        Obstacle.AntiAffinity => AntiAffinity(search, host),
        Obstacle.Affinity => string.Join(
            "; ",
            search.Near.Where(others => others.IsMissedAt(host)).Select(others =>
                $"no guest with {Labels(others.Count.Labels)} is in {others.Count.Places.Name(host)}, {Count(others.Everywhere, "guest")} elsewhere")),
    };

    private static string NotConnected(HostCondition condition) => condition switch
    {
        HostCondition.Suspect => "its agent has not been heard for a while",
        HostCondition.Lost => "its agent has not been heard for long",
        HostCondition.Dead => "has been declared dead",
        HostCondition.Connected => "",
    };

    private static string Requirement(LabelRequirement requirement, IReadOnlyDictionary<string, string> labels)
    {
        var its = labels.TryGetValue(requirement.Key, out var value) ? $"it is {value}" : "it has none";
        return requirement.Operator switch
        {
            LabelOperator.In => $"label {requirement.Key} must be {OneOf(requirement.Values)}, {its}",
            LabelOperator.NotIn => $"label {requirement.Key} must not be {OneOf(requirement.Values)}, {its}",
            LabelOperator.Exists => $"label {requirement.Key} must be there",
            LabelOperator.DoesNotExist => $"label {requirement.Key} must not be there, {its}",
        };
    }

    private static string Accelerator(FleetHost host, MachineNeeds machine) => host.Engines.Count == 0
        ? "has no engine"
        : $"no guest has answered on {machine.Accelerator} there, only on {Names([.. host.Engines.SelectMany(engine => engine.Accelerators).Distinct()])}";

    private static string MachineType(FleetHost host, MachineNeeds machine)
    {
        var most = Count(host.Engines.Max(engine => engine.MachineTypes.Count), "machine type");
        return $"engine {Versions(host, machine)} builds {most}, but not {machine.MachineType}";
    }

    private static string Versions(FleetHost host, MachineNeeds machine)
    {
        var versions = EngineFit.Nearest(host, machine).Select(engine => engine.Version).Where(version => version.Length > 0).Distinct().ToList();
        return versions.Count == 0 ? "of unknown version" : Names(versions);
    }

    private static string Failure(Search search, LedgerHost host) => search.Failure(host) is { } failure
        ? $"a move of the guest there failed at {Moment(failure.At)}; not again before {Moment(failure.Until)}"
        : "";

    private static string Device(LedgerHost host, FleetGuest guest, DeviceNeed need)
    {
        if (need.Kind.Length == 0)
        {
            return $"nobody knows what could stand in for device {need.DeviceId}: the guest's host does not list {need.SysfsPath}";
        }

        var fitting = host.Facts.Devices.Index().Where(device => DeviceMatch.Meets(device.Item, need)).ToList();
        var alike = host.Facts.Devices.Count(device => device.Kind == need.Kind);
        var free = fitting.Count(device => host.IsDeviceFor(device.Index, guest.GuestId));
        var driver = need.Driver.Length == 0 ? "a driver" : $"{need.Driver} {need.DriverVersion}".TrimEnd();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"device {need.DeviceId} needs a {need.Kind} with {driver} or newer that can migrate: {alike} of that kind, {fitting.Count} with such a driver, {free} of them free");
    }

    private static string AntiAffinity(Search search, LedgerHost host)
    {
        var apart = search.Apart.Where(others => others.Present(host) > 0).Select(others =>
            $"{Count(others.Present(host), "guest")} with {Labels(others.Count.Labels)} in {others.Count.Places.Name(host)}");
        var shunning = search.Shunning.Where(others => others.Present(host) > 0).Select(others =>
            $"{Count(others.Present(host), "guest")} in {others.Count.Places.Name(host)} to be kept apart from guests with {Labels(others.Count.Labels)}");

        // The ledger has them in the order in which guests came.
        return string.Join("; ", apart.Concat(shunning.Order(StringComparer.Ordinal)));
    }

    private static string Memory(DataSize needed, DataSize free, DataSize whole)
    {
        var left = free < DataSize.Zero ? DataSize.Zero : free;

        // Rounded they may look the same.
        return needed.ToString() == left.ToString()
            ? string.Create(CultureInfo.InvariantCulture, $"needs {needed.Bytes} bytes, {left.Bytes} of {whole} are free")
            : $"needs {needed}, {left} of {whole} are free";
    }

    private static string OneOf(IReadOnlyList<string> values) => values.Count == 1 ? values[0] : $"one of {Names(values)}";

    private static string Names(IReadOnlyList<string> names) => names.Count switch
    {
        0 => "nothing",
        <= MostNames => string.Join(", ", names),
        _ => string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", names.Take(MostNames))} and {names.Count - MostNames} more"),
    };

    private static string Labels(IReadOnlyDictionary<string, string> labels) =>
        Names([.. labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}")]);

    private static string Count(int count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");

    // The moment, not how long ago: whoever asks again gets the same words.
    private static string Moment(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
