using System.Globalization;
using System.Net;
using Orchestrator.HostAgent.Guests;
using Orchestrator.HostAgent.Host;
using Orchestrator.Rpc.Errors;
using Orchestrator.Rpc.Serving;

namespace Orchestrator.HostAgent;

/// <summary>The agent's settings, read once and found sound.</summary>
internal sealed record AgentSettings
{
    private static readonly string[] s_known =
    [
        "Agent:HostId", "Agent:RuntimeFolder", "Agent:MigrationAddress", "Agent:MigrationPorts", "Agent:MemoryOvercommit", "Agent:ReportIntervalMs",
        "Agent:ProbeKvm", CapacitySettings.MemoryAllocatableName, CapacitySettings.MemoryReserveName, CapacitySettings.CpuOvercommitName,
        CapacitySettings.LinksName, "Listen:Address", "Listen:AllowPlaintextOffLoopback", "Qemu:Program",
    ];

    /// <summary>Agent:HostId. The id under which the host is registered.</summary>
    public required string HostId { get; init; }

    /// <summary>Agent:RuntimeFolder. Guests and migrations are found again by what is in it; it must survive a restart of the agent.</summary>
    public required string RuntimeFolder { get; init; }

    /// <summary>Listen:Address, "http://IP-ADDRESS:PORT".</summary>
    public required ListenAddress Listen { get; init; }

    /// <summary>Agent:MigrationAddress. Where other hosts' engines reach this one's. Default: the listen address.</summary>
    public required IPAddress MigrationAddress { get; init; }

    /// <summary>
    /// Agent:MigrationPorts, "FIRST-LAST". Where incoming migrations may listen, for those who open a firewall. Default: any free port.
    /// </summary>
    public required PortRange? MigrationPorts { get; init; }

    /// <summary>Qemu:Program, as an absolute path. Default: qemu-system-x86_64 on PATH.</summary>
    public required string QemuProgram { get; init; }

    /// <summary>Agent:MemoryOvercommit, 0.1 to 10. Guests may be promised this much times the memory that is there. Default 1.</summary>
    public required double MemoryOvercommit { get; init; }

    /// <summary>Agent:ReportIntervalMs, 50 to 60000. How often a running migration is read. Default 250.</summary>
    public required TimeSpan ReportInterval { get; init; }

    /// <summary>Agent:ProbeKvm. Whether to find out by a guest if KVM works. Default true.</summary>
    public required bool ProbeKvm { get; init; }

    /// <summary>What guests may have of the machine, and the speed of its links.</summary>
    public required CapacitySettings Capacity { get; init; }

    /// <param name="problems">Everything that is wrong, each with the setting's name and what is allowed; empty when it is sound.</param>
    public static AgentSettings? Read(IConfiguration configuration, out IReadOnlyList<string> problems)
    {
        Violations found = new();
        foreach (var section in new[] { "Agent", "Listen", "Qemu" })
        {
            foreach (var setting in configuration.GetSection(section).GetChildren().Select(child => child.Path))
            {
                if (!s_known.Contains(setting, StringComparer.OrdinalIgnoreCase))
                {
                    found.Add(setting, $"is no setting; there are {string.Join(", ", s_known)}");
                }
            }
        }

        var overcommit = Number("Agent:MemoryOvercommit", 1, 0.1, 10);
        var settings = new AgentSettings
        {
            HostId = configuration["Agent:HostId"] is { Length: > 0 } id ? found.Name("Agent:HostId", id) : Missing("Agent:HostId", "the host's id"),
            RuntimeFolder = Folder(),
            Listen = Listening(),
            MigrationAddress = MigrationFrom(),
            MigrationPorts = Ports(),
            QemuProgram = Program(),
            MemoryOvercommit = overcommit,
            ReportInterval = TimeSpan.FromMilliseconds(Number("Agent:ReportIntervalMs", 250, 50, 60_000)),
            ProbeKvm = Flag("Agent:ProbeKvm", true),
            Capacity = CapacitySettings.Read(configuration, overcommit, found),
        };
        problems = [.. found.Found.Select(violation => $"{violation.Field} {violation.Description}")];
        return found.Any ? null : settings;

        string Missing(string name, string what)
        {
            found.Add(name, $"is missing: {what}");
            return "";
        }

        string Folder()
        {
            var path = configuration["Agent:RuntimeFolder"] ?? "";
            if (!path.StartsWith('/'))
            {
                return Missing("Agent:RuntimeFolder", "an absolute path that survives a restart of the agent, e.g. /var/lib/orchestrator");
            }

            path = Path.GetFullPath(path).TrimEnd('/');
            if (new GuestFolder(path, "g").SocketPathExcess is var excess and > 0)
            {
                found.Add(
                    "Agent:RuntimeFolder",
                    $"is {excess} bytes too long: guests' sockets lie in it, and a Unix socket's path has at most {GuestFolder.LongestSocketPath} bytes");
            }

            return path;
        }

        ListenAddress Listening()
        {
            var nothing = new ListenAddress(new IPEndPoint(IPAddress.Loopback, 0));
            if (configuration["Listen:Address"] is not { Length: > 0 } text)
            {
                Missing("Listen:Address", "http://IP-ADDRESS:PORT, e.g. http://127.0.0.1:7443");
                return nothing;
            }

            var listen = ListenAddress.Parse(text, Flag("Listen:AllowPlaintextOffLoopback", false), out var problem);
            if (problem is not null)
            {
                found.Add("Listen:Address", problem);
            }

            return listen ?? nothing;
        }

        IPAddress MigrationFrom()
        {
            if (configuration["Agent:MigrationAddress"] is { Length: > 0 } text)
            {
                if (IPAddress.TryParse(text, out var given) && !given.Equals(IPAddress.Any) && !given.Equals(IPAddress.IPv6Any))
                {
                    return given;
                }

                found.Add("Agent:MigrationAddress", $"must be the IP address that other hosts reach this one at, is \"{text}\"");
                return IPAddress.Loopback;
            }

            // Parsed a second time for its address alone; what is wrong with it has been said.
            var listen = ListenAddress.Parse(configuration["Listen:Address"] ?? "", plaintextOffLoopback: true, out _)?.EndPoint.Address;
            if (listen is not null && (listen.Equals(IPAddress.Any) || listen.Equals(IPAddress.IPv6Any)))
            {
                found.Add("Agent:MigrationAddress", "is missing: it cannot be derived from a listen address that means any");
            }

            return listen ?? IPAddress.Loopback;
        }

        PortRange? Ports()
        {
            if (configuration["Agent:MigrationPorts"] is not { Length: > 0 } text)
            {
                return null;
            }

            if (PortRange.Parse(text) is not { } range)
            {
                found.Add("Agent:MigrationPorts", $"must be FIRST-LAST with ports from 1 to 65535, e.g. 49152-49215, is \"{text}\"");
                return null;
            }

            return range;
        }

        string Program()
        {
            var name = configuration["Qemu:Program"] is { Length: > 0 } given ? given : "qemu-system-x86_64";
            var path = name.Contains('/')
                ? Path.GetFullPath(name)
                : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
                    .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
            if (path is null || !File.Exists(path))
            {
                found.Add("Qemu:Program", $"is \"{name}\", which is {(name.Contains('/') ? "no file" : "not on PATH")}; install QEMU or name its program");
            }

            return path ?? name;
        }

        double Number(string name, double usual, double least, double most)
        {
            if (configuration[name] is not { Length: > 0 } text)
            {
                return usual;
            }

            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most)
            {
                return value;
            }

            found.Add(name, string.Create(CultureInfo.InvariantCulture, $"must be a number from {least} to {most}, is \"{text}\""));
            return usual;
        }

        bool Flag(string name, bool usual)
        {
            if (configuration[name] is not { Length: > 0 } text)
            {
                return usual;
            }

            if (bool.TryParse(text, out var value))
            {
                return value;
            }

            found.Add(name, $"must be true or false, is \"{text}\"");
            return usual;
        }
    }
}
