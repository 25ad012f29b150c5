namespace Orchestrator.Specs;

/// <summary>One field that is not acceptable.</summary>
/// <param name="Field">Path in proto names, e.g. "document.steps[2].pause.max_pause"; empty = the whole.</param>
/// <param name="Description">What is wrong and what is allowed.</param>
/// <param name="Line">Line of the file, counted from 1; null when not from a file or not known.</param>
public sealed record FieldFault(string Field, string Description, int? Line = null);
