using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Refusals;
using Orchestrator.Specs;

namespace Orchestrator.Cli.Specs;

/// <summary>A file that a message is read from; "-" is standard input.</summary>
internal static class SpecFile
{
    // Far above any sound document; keeps a mistaken path to something huge from being read.
    private const int MaxCharacters = 1024 * 1024;

    public static bool TryRead<T>(
        Terminal terminal, string path, [NotNullWhen(true)] out T? message, [NotNullWhen(false)] out Complaint? complaint)
        where T : class, IMessage<T>, new()
    {
        message = null;
        return TryRead(terminal, path, out var node, out complaint) && TryMap(path, node, out message, out complaint);
    }

    /// <summary>What the file says, for a command that takes more than one kind of it.</summary>
    public static bool TryRead(
        Terminal terminal, string path, [NotNullWhen(true)] out SpecNode? node, [NotNullWhen(false)] out Complaint? complaint)
    {
        node = null;
        var name = Name(path);
        string text;
        try
        {
            using var file = path == "-" ? null : new StreamReader(path);
            text = ReadBounded(file ?? terminal.In);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or ArgumentException)
        {
            complaint = Complaint.Usage($"{name} cannot be read: {unreadable.Message}");
            return false;
        }

        if (text.Length > MaxCharacters)
        {
            complaint = Complaint.Usage($"{name} is longer than {MaxCharacters} characters; is it the right file?");
            return false;
        }

        complaint = SpecReader.TryRead(text, out node, out var fault) ? null : Complaint.Usage($"{name} cannot be understood.", fault);
        return complaint is null && node is not null;
    }

    public static bool TryMap<T>(
        string path, SpecNode node, [NotNullWhen(true)] out T? message, [NotNullWhen(false)] out Complaint? complaint)
        where T : class, IMessage<T>, new()
    {
        message = null;
        var read = new T();
        var faults = SpecMapper.Map(node, read);
        if (faults.Count > 0)
        {
            var what = faults.Count == 1 ? "a field" : $"{faults.Count} fields";
            complaint = Complaint.Usage($"{Name(path)} has {what} that cannot be understood.", [.. faults]);
            return false;
        }

        message = read;
        complaint = null;
        return true;
    }

    private static string Name(string path) => path == "-" ? "standard input" : path;

    private static string ReadBounded(TextReader reader)
    {
        var buffer = new char[MaxCharacters + 1];
        return new string(buffer, 0, reader.ReadBlock(buffer));
    }
}
