namespace Orchestrator.Policy.Convergence;

/// <param name="Field">Path in proto names below the document, e.g. "steps[2].pause.max_pause".</param>
/// <param name="Description">What is wrong and what is allowed.</param>
public sealed record DocumentViolation(string Field, string Description);

/// <summary>Collects what is wrong with a document, all of it. Every check takes the bound as policy_document.proto states it.</summary>
internal sealed class DocumentFindings
{
    private readonly List<DocumentViolation> _found = [];

    public IReadOnlyList<DocumentViolation> Found => _found;

    public void Add(string field, string description) => _found.Add(new DocumentViolation(field, description));

    public void Count(string field, long value, long least, long most)
    {
        if (value < least || value > most)
        {
            Add(field, FormattableString.Invariant($"must be {least} to {most}, is {value}"));
        }
    }

    public void Time(string field, TimeSpan value, TimeSpan least, TimeSpan most)
    {
        if (value < least || value > most)
        {
            Add(field, $"must be {Words(least)} to {Words(most)}, is {Words(value)}");
        }
    }

    /// <summary>Above <paramref name="bound"/>, at most <paramref name="most"/>; not a number and infinity are neither.</summary>
    public void Above(string field, double value, double bound, double most)
    {
        if (!(value > bound && value <= most))
        {
            Add(field, FormattableString.Invariant($"must be above {bound} and at most {most}, is {value}"));
        }
    }

    public static string Words(TimeSpan time) => time.TotalSeconds switch
    {
        0 => "0",
        < 1 and > -1 => $"{Figure.Milliseconds(time)} ms",
        _ => $"{Figure.Seconds(time)} s",
    };
}
