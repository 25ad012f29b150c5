using System.Globalization;
using Orchestrator.Cli.Quantities;
using Orchestrator.Cli.Rendering;
using Orchestrator.V1;

namespace Orchestrator.Cli.Hosts;

/// <summary>Hosts in words.</summary>
internal static class HostText
{
    public static string Table(IReadOnlyCollection<Host> hosts) =>
        hosts.Count == 0
            ? "No hosts yet. Register one: migctl hosts register HOST ENDPOINT"
            : TextTable.Render(
                ["HOST", "STATE", "CORDONED", "AGENT", "CPUS", "MEMORY", "AVAILABLE", "ENGINE", "LAST SEEN"],
                hosts.Select(host => (IReadOnlyList<string>)
                [
                    host.HostId,
                    EnumText.Of(host.State),
                    host.Cordoned ? "yes" : "no",
                    host.AgentEndpoint,
                    host.Description is { Cpus: > 0 } cpus ? cpus.Cpus.ToString(CultureInfo.InvariantCulture) : "",
                    host.Description is { MemoryTotalBytes: > 0 } memory ? QuantityText.Size(memory.MemoryTotalBytes) : "",
                    host.Description is { MemoryAvailableBytes: > 0 } available ? QuantityText.Size(available.MemoryAvailableBytes) : "",
                    host.Description is { Engines: [var engine, ..] } ? $"{engine.Kind} {engine.Version.Split(' ')[0]}" : "",
                    Moment.Text(host.LastSeenAt),
                ]));

    public static string Describe(Host host)
    {
        var machine = host.Description;
        return FactList.Render(
        [
            ("Host", host.HostId),
            ("State", EnumText.Of(host.State)),
            ("Cordoned", host.Cordoned ? $"yes{(host.CordonReason.Length > 0 ? ": " + host.CordonReason : "")}" : "no"),
            ("Agent", host.AgentEndpoint + (machine is { AgentVersion.Length: > 0 } ? $" (version {machine.AgentVersion})" : "")),
            ("Labels", string.Join(", ", host.Labels.Select(label => $"{label.Key}={label.Value}").Order(StringComparer.Ordinal))),
            ("Registered", Moment.Text(host.RegisteredAt)),
            ("Last seen", Moment.Text(host.LastSeenAt)),
            ("CPUs", machine is { Cpus: > 0 } ? $"{machine.Cpus} x {machine.CpuModel}" : null),
            ("Memory", machine is null ? null
                : $"{QuantityText.Size(machine.MemoryTotalBytes)}, {QuantityText.Size(machine.MemoryAvailableBytes)} available"),
            ("Kernel", machine?.KernelRelease),
            ("Migration address", machine?.MigrationAddress),
            ("Up since", machine?.Uptime is { } uptime ? QuantityText.Duration(uptime) + " ago" : null),
            .. (machine?.Engines ?? []).Select(engine => ("Engine", (string?)Engine(engine))),
        ]);
    }

    private static string Engine(EngineDescription engine) =>
        $"{engine.Kind} {engine.Version} at {engine.Program}"
        + $"\nanswers on: {(engine.Accelerators.Count == 0 ? "nothing" : string.Join(", ", engine.Accelerators))}"
        + (engine.Features.Count == 0 ? "" : $"\nfeatures: {string.Join(", ", engine.Features)}");
}
