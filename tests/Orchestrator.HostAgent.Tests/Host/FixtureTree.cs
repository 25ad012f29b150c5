using Orchestrator.HostAgent.Host;

namespace Orchestrator.HostAgent.Tests.Host;

/// <summary>A /proc and a /sys of a machine that we do not have, in a folder of its own.</summary>
internal sealed class FixtureTree : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("orchestrator-tree-");

    public KernelTree Tree => new(Path.Combine(_root.FullName, "proc"), Path.Combine(_root.FullName, "sys"));

    /// <param name="path">Below the root, e.g. "sys/class/net/eth0/speed".</param>
    public FixtureTree With(string path, string content)
    {
        var file = Path.Combine(_root.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
        return this;
    }

    public FixtureTree WithFolder(string path)
    {
        Directory.CreateDirectory(Path.Combine(_root.FullName, path));
        return this;
    }

    /// <param name="target">Below the root too; need not exist, as a real one would.</param>
    public FixtureTree WithLink(string path, string target)
    {
        var link = Path.Combine(_root.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(link)!);
        Directory.CreateSymbolicLink(link, Path.Combine(_root.FullName, target));
        return this;
    }

    /// <summary>A PCI function, bound to the driver unless that is null.</summary>
    public FixtureTree WithFunction(string name, string? driver)
    {
        With($"sys/devices/{name}/vendor", "0x10de\n").With($"sys/devices/{name}/device", "0x20b5\n")
            .WithLink($"sys/bus/pci/devices/{name}", $"sys/devices/{name}");
        return driver is null
            ? this
            : WithFolder($"sys/bus/pci/drivers/{driver}").WithLink($"sys/devices/{name}/driver", $"sys/bus/pci/drivers/{driver}");
    }

    public void Dispose() => _root.Delete(recursive: true);
}
