namespace Orchestrator.Qmp;

/// <summary>QEMU answered a command with an error.</summary>
public class QmpException(string @class, string description) : Exception($"{@class}: {description}")
{
    /// <summary>QEMU's error class. Nearly always <c>GenericError</c>; <c>CommandNotFound</c> for an unknown command.</summary>
    public string Class { get; } = @class;

    /// <summary>QEMU's text for people. Not stable between versions: show it, do not match it.</summary>
    public string Description { get; } = description;
}
