using System.Globalization;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Hosts;

/// <summary>Hosts in words.</summary>
internal static class HostText
{
    public static string Table(IReadOnlyCollection<HostEvent> events) =>
        events.Count == 0
            ? "Nothing was done to it."
            : TextTable.Render(
                ["AT", "HOST", "WHAT", "BY", "MESSAGE"],
                events.Select(happened => (IReadOnlyList<string>)
                [
                    Moment.Text(happened.At), happened.HostId, EnumText.Of(happened.Kind), happened.Caller, happened.Message,
                ]));

    public static string Table(IReadOnlyCollection<Host> hosts) =>
        hosts.Count == 0
            ? "No hosts yet. Register one: migctl hosts register HOST ENDPOINT"
            : TextTable.Render(
                ["HOST", "STATE", "SINCE", "CORDONED", "GUESTS", "MEMORY", "VCPUS", "MOVES", "ENGINE", "AGENT", "LAST SEEN"],
                hosts.Select(host => (IReadOnlyList<string>)
                [
                    host.HostId,
                    EnumText.Of(host.State),
                    Moment.Text(host.StateSince),
                    host.Cordoned ? "yes" : "no",
                    host.Use is { } use ? Number(use.Guests) : "",
                    Memory(host),
                    Vcpus(host),
                    Moves(host.Use),
                    host.Description is { Engines: [var engine, ..] } ? $"{engine.Kind} {engine.Version.Split(' ')[0]}" : "",
                    host.AgentEndpoint,
                    Moment.Text(host.LastSeenAt),
                ]));

    public static string Describe(Host host)
    {
        var machine = host.Description;
        return FactList.Render(
        [
            ("Host", host.HostId),
            ("State", EnumText.Of(host.State) + (host.StateSince is null ? "" : $" since {Moment.Text(host.StateSince)}")),
            ("Dead", host.DeadReason),
            ("Cordoned", host.Cordoned ? $"yes{(host.CordonReason.Length > 0 ? ": " + host.CordonReason : "")}" : "no"),
            ("Agent", host.AgentEndpoint + (machine is { AgentVersion.Length: > 0 } ? $" (version {machine.AgentVersion})" : "")),
            ("Labels", string.Join(", ", host.Labels.Select(label => $"{label.Key}={label.Value}").Order(StringComparer.Ordinal))),
            ("Registered", Moment.Text(host.RegisteredAt)),
            ("Last seen", Moment.Text(host.LastSeenAt)),
            ("Evacuation", host.EvacuationId),
            ("Guests", host.Use is { } use ? Number(use.Guests) : null),
            ("Memory in use", Memory(host)),
            ("vCPUs in use", Vcpus(host)),
            ("Moves", Moves(host.Use)),
            ("CPUs", machine is { Cpus: > 0 } ? $"{machine.Cpus} x {machine.CpuModel}" : null),
            ("Memory", machine is null ? null
                : $"{QuantityText.Size(machine.MemoryTotalBytes)}, {QuantityText.Size(machine.MemoryAvailableBytes)} available"),
            ("Kernel", machine?.KernelRelease),
            ("Migration address", machine?.MigrationAddress),
            ("Up since", machine?.Uptime is { } uptime ? QuantityText.Duration(uptime) + " ago" : null),
            .. (machine?.HugePages ?? []).Where(size => size.Total > 0)
                .Select(size => ("Huge pages", (string?)$"{size.Free} of {size.Total} of {QuantityText.Size(size.PageBytes)} free")),
            .. (machine?.NumaNodes ?? []).Where(_ => machine?.NumaNodes.Count > 1)
                .Select(node => ("NUMA node", (string?)$"{node.Node}: {node.Cpus.Count} CPUs, {QuantityText.Size(node.MemoryTotalBytes)}")),
            .. (machine?.Links ?? []).Select(link => ("Link", (string?)Link(link))),
            .. (machine?.Devices ?? []).Select(device => ("Device", (string?)Device(device))),
            .. (machine?.Engines ?? []).Select(engine => ("Engine", (string?)Engine(engine))),
        ]);
    }

    private static string Memory(Host host)
    {
        if (host.Use is not { } use)
        {
            return "";
        }

        var text = QuantityText.Size(use.MemoryGuestsBytes)
            + (use.MemoryReservedBytes > 0 ? $" + {QuantityText.Size(use.MemoryReservedBytes)} reserved" : "");
        return host.Description is { MemoryAllocatableBytes: > 0 and var all } ? $"{text} of {QuantityText.Size(all)}" : text;
    }

    private static string Vcpus(Host host)
    {
        if (host.Use is not { } use)
        {
            return "";
        }

        var text = Number(use.VcpusGuests) + (use.VcpusReserved > 0 ? $" + {Number(use.VcpusReserved)} reserved" : "");
        return host.Description is { VcpusAllocatable: > 0 and var all } ? $"{text} of {Number(all)}" : text;
    }

    private static string Moves(HostUse? use) =>
        use is { MigrationsOut: > 0 } or { MigrationsIn: > 0 } ? $"{Number(use.MigrationsOut)} out, {Number(use.MigrationsIn)} in" : "";

    private static string Link(NetworkLink link) =>
        link.Name + ": " + (link.BytesPerSecond == 0
            ? "speed not known"
            : string.Create(CultureInfo.InvariantCulture, $"{link.BytesPerSecond * 8 / 1e9:0.###} Gb/s, {EnumText.Of(link.Source)}"))
        + (link.CarriesMigrations ? ", carries migrations" : "");

    private static string Device(HostDevice device) =>
        $"{device.SysfsPath}: {device.Kind}, {device.Driver}{(device.DriverVersion.Length > 0 ? " " + device.DriverVersion : "")}"
        + (device.GuestId.Length > 0 ? $", with guest {device.GuestId}" : ", free");

    private static string Number(uint number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Engine(EngineDescription engine) =>
        $"{engine.Kind} {engine.Version} at {engine.Program}"
        + $"\nanswers on: {(engine.Accelerators.Count == 0 ? "nothing" : string.Join(", ", engine.Accelerators))}"
        + (engine.Features.Count == 0 ? "" : $"\nfeatures: {string.Join(", ", engine.Features)}");
}
