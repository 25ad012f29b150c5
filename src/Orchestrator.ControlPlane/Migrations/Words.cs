namespace Orchestrator.ControlPlane.Migrations;

/// <summary>What agents and engines say, made fit for a record: Postgres takes no NUL, and nobody reads more than a page.</summary>
internal static class Words
{
    private const int MaxCharacters = 4000;

    public static string Clean(string text)
    {
        var words = text.Contains('\0') ? text.Replace('\0', ' ') : text;
        return words.Length <= MaxCharacters ? words : words[..MaxCharacters];
    }
}
