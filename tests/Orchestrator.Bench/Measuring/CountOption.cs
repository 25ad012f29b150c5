using System.CommandLine;
using System.Globalization;

namespace Orchestrator.Bench.Measuring;

/// <summary>An option that takes a whole number within bounds, and says them in its help.</summary>
internal static class CountOption
{
    public static Option<int> Create(string name, string description, int usual, int least, int most)
    {
        var option = new Option<int>(name)
        {
            Description = string.Create(CultureInfo.InvariantCulture, $"{description} {least} to {most}."),
            DefaultValueFactory = _ => usual,
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var value)
                && (value < least || value > most))
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} must be {least} to {most}, not {value}."));
            }
        });
        return option;
    }
}
