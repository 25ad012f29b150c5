using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Orchestrator.Rpc.Reflection;

/// <summary>The served files and symbols, looked up by name. Built once.</summary>
internal sealed class ReflectionIndex
{
    private readonly Dictionary<string, FileDescriptor> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FileDescriptor> _symbols = new(StringComparer.Ordinal);

    public ReflectionIndex(IReadOnlyList<ServiceDescriptor> services)
    {
        ServiceNames = [.. services.Select(service => service.FullName).Order(StringComparer.Ordinal)];
        foreach (var service in services)
        {
            AddFile(service.File);
        }
    }

    public IReadOnlyList<string> ServiceNames { get; }

    /// <returns>The file and everything it imports, itself first; null when unknown.</returns>
    public IReadOnlyList<ByteString>? FileNamed(string name) => _files.TryGetValue(name, out var file) ? Closure(file) : null;

    public IReadOnlyList<ByteString>? FileContaining(string symbol) => _symbols.TryGetValue(symbol, out var file) ? Closure(file) : null;

    private static List<ByteString> Closure(FileDescriptor file)
    {
        List<ByteString> files = [];
        HashSet<string> seen = [];
        Collect(file);
        return files;

        void Collect(FileDescriptor next)
        {
            if (seen.Add(next.Name))
            {
                files.Add(next.SerializedData);
                foreach (var dependency in next.Dependencies)
                {
                    Collect(dependency);
                }
            }
        }
    }

    private void AddFile(FileDescriptor file)
    {
        if (!_files.TryAdd(file.Name, file))
        {
            return;
        }

        foreach (var message in file.MessageTypes)
        {
            AddMessage(message, file);
        }

        foreach (var @enum in file.EnumTypes)
        {
            _symbols[@enum.FullName] = file;
        }

        foreach (var service in file.Services)
        {
            _symbols[service.FullName] = file;
            foreach (var method in service.Methods)
            {
                _symbols[method.FullName] = file;
            }
        }

        foreach (var dependency in file.Dependencies)
        {
            AddFile(dependency);
        }
    }

    private void AddMessage(MessageDescriptor message, FileDescriptor file)
    {
        _symbols[message.FullName] = file;
        foreach (var nested in message.NestedTypes)
        {
            AddMessage(nested, file);
        }

        foreach (var @enum in message.EnumTypes)
        {
            _symbols[@enum.FullName] = file;
        }
    }
}
