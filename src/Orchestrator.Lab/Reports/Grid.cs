namespace Orchestrator.Lab.Reports;

/// <summary>A table as text: what the terminal and Markdown both show.</summary>
/// <param name="Title">One line above it.</param>
internal sealed record Grid(string Title, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows);
