using System.CommandLine;

namespace Orchestrator.Cli.Invocation;

/// <summary>A command whose help ends in examples.</summary>
internal sealed class Verb(string name, string description, params string[] examples) : Command(name, description)
{
    /// <summary>Each a line to type, without "migctl".</summary>
    public IReadOnlyList<string> Examples => examples;
}
