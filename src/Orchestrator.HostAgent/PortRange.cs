using System.Globalization;

namespace Orchestrator.HostAgent;

/// <summary>TCP ports from the first to the last, both included.</summary>
internal sealed record PortRange(ushort First, ushort Last)
{
    /// <returns>Null when it is no range of ports.</returns>
    public static PortRange? Parse(string text) =>
        text.Split('-') is [var first, var last]
        && ushort.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var from)
        && ushort.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var to)
        && from >= 1 && to >= from
            ? new PortRange(from, to)
            : null;
}
