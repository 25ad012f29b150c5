using System.Text;

namespace Orchestrator.Cli.Rendering;

/// <summary>Sentences for people.</summary>
internal static class Prose
{
    /// <summary>Breaks at blanks so that no line is longer than the width, unless one word is. Every line is indented.</summary>
    public static string Wrap(string text, int width, string indent = "")
    {
        var wrapped = new StringBuilder();
        foreach (var paragraph in text.ReplaceLineEndings("\n").Split('\n'))
        {
            var line = new StringBuilder(indent);
            foreach (var word in paragraph.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                if (line.Length > indent.Length && line.Length + 1 + word.Length > width)
                {
                    wrapped.Append(line).AppendLine();
                    line.Clear().Append(indent);
                }

                line.Append(line.Length > indent.Length ? " " : "").Append(word);
            }

            wrapped.AppendLine(line.ToString().TrimEnd());
        }

        return wrapped.ToString();
    }

    /// <summary>
    /// Shows control characters instead of sending them: a name or an engine's message must not move the cursor or recolour the screen.
    /// </summary>
    public static string Printable(string text)
    {
        if (!text.AsSpan().ContainsAnyExcept(s_harmless))
        {
            return text;
        }

        var safe = new StringBuilder(text.Length);
        foreach (var character in text)
        {
            safe.Append(char.IsControl(character) && character is not '\n' ? '\uFFFD' : character);
        }

        return safe.ToString();
    }

    private static readonly System.Buffers.SearchValues<char> s_harmless =
        System.Buffers.SearchValues.Create([.. Enumerable.Range(' ', 95).Select(code => (char)code), '\n']);
}
