using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using Orchestrator.V1;
using NetworkInterface = System.Net.NetworkInformation.NetworkInterface;

namespace Orchestrator.HostAgent.Host;

/// <summary>The interfaces that migration streams may take, and how fast they are.</summary>
internal static class LinkInventory
{
    private const ulong BytesPerMegabit = 1_000_000 / 8;
    private const int MostLinks = 64;

    /// <param name="configured">Bytes per second by name. What an operator says counts before what a driver says.</param>
    /// <param name="carrier">Name of the interface that has the migration address; null when none here has it.</param>
    /// <returns>In ordinal order of the names: what is up, but for guests' taps, and for the loopback unless it carries migrations.</returns>
    public static IReadOnlyList<NetworkLink> Read(KernelTree tree, IReadOnlyDictionary<string, ulong> configured, string? carrier)
    {
        var root = Path.Combine(tree.Sys, "class/net");
        List<NetworkLink> links = [];
        foreach (var name in KernelTree.Names(root).Where(name => KernelTree.IsFolder(root, name)))
        {
            var carries = name == carrier;
            if (!carries && !configured.ContainsKey(name) && !IsUplink(root, name))
            {
                continue;
            }

            var link = new NetworkLink { Name = name, CarriesMigrations = carries };
            if (configured.TryGetValue(name, out var said))
            {
                link.BytesPerSecond = said;
                link.Source = LinkSpeedSource.Configured;
            }
            else if (Reported(root, name) is var megabits and > 0)
            {
                link.BytesPerSecond = megabits * BytesPerMegabit;
                link.Source = LinkSpeedSource.Reported;
            }

            links.Add(link);
        }

        // The one that matters is not to be cut off on a machine with a thousand VLANs.
        return [.. links.OrderByDescending(link => link.CarriesMigrations).Take(MostLinks).OrderBy(link => link.Name, StringComparer.Ordinal)];
    }

    /// <summary>The interface of this machine that has the address; null when it is another machine's or translated on the way.</summary>
    public static string? CarrierOf(IPAddress address)
    {
        try
        {
            var all = NetworkInterface.GetAllNetworkInterfaces();
            return (all.FirstOrDefault(one => one.GetIPProperties().UnicastAddresses.Any(mine => mine.Address.Equals(address)))

                // All of 127.0.0.0/8 is the loopback's, and not listed.
                ?? (IPAddress.IsLoopback(address) ? all.FirstOrDefault(one => one.NetworkInterfaceType == NetworkInterfaceType.Loopback) : null))
                ?.Name;
        }
        catch (NetworkInformationException)
        {
            return null;
        }
    }

    private static bool IsUplink(string root, string name) =>
        KernelTree.Text(root, name, "operstate") is "up" or "unknown"
        && !File.Exists(Path.Combine(root, name, "tun_flags"))
        && KernelTree.Text(root, name, "type") != LoopbackType;

    // ARPHRD_LOOPBACK in linux/if_arp.h.
    private const string LoopbackType = "772";

    // Megabits per second. Virtual devices say -1 or EINVAL; a bridge or VLAN is as fast as the fastest device below it.
    private static ulong Reported(string root, string name)
    {
        var own = Speed(root, name);
        return own > 0
            ? own
            : KernelTree.Names(root, name).Where(entry => entry.StartsWith("lower_", StringComparison.Ordinal))
                .Select(entry => Speed(root, entry["lower_".Length..]))
                .DefaultIfEmpty(0UL).Max();
    }

    private static ulong Speed(string root, string name) =>
        uint.TryParse(KernelTree.Text(root, name, "speed"), NumberStyles.None, CultureInfo.InvariantCulture, out var megabits)

        // SPEED_UNKNOWN read as unsigned, by old drivers.
        && megabits < int.MaxValue
            ? megabits
            : 0;
}
