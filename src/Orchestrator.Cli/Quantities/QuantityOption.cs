using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Specs;

namespace Orchestrator.Cli.Quantities;

/// <summary>Options whose value is an amount; absent = null.</summary>
internal static class QuantityOption
{
    public static Option<Duration?> Duration(string name, string description) => Duration(name, description, static _ => null);

    /// <param name="refuse">What is wrong with a duration that the command itself cannot take; null when nothing is.</param>
    public static Option<Duration?> Duration(string name, string description, Func<TimeSpan, string?> refuse) => new(name)
    {
        Description = description,
        HelpName = "duration",
        CustomParser = result =>
        {
            if (Quantity.TryParseDuration(Text(result), out var duration, out var problem))
            {
                problem = refuse(duration.ToTimeSpan());
            }

            if (problem is null)
            {
                return duration;
            }

            Complain(result, problem);
            return null;
        },
    };

    public static Option<ulong?> Size(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "size",
        CustomParser = static result =>
        {
            if (Quantity.TryParseSize(Text(result), out var bytes, out var problem))
            {
                return bytes;
            }

            Complain(result, problem);
            return null;
        },
    };

    public static Option<ulong?> Rate(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "rate",
        CustomParser = static result =>
        {
            if (Quantity.TryParseRate(Text(result), out var rate, out var problem))
            {
                return rate;
            }

            Complain(result, problem);
            return null;
        },
    };

    public static Option<uint?> Count(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "number",
        CustomParser = static result =>
        {
            if (uint.TryParse(Text(result), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            {
                return count;
            }

            Complain(result, $"\"{Text(result)}\" is no count: write a whole number from 0 to {uint.MaxValue}");
            return null;
        },
    };

    private static string Text(ArgumentResult result) => result.Tokens[^1].Value;

    private static void Complain(ArgumentResult result, string problem) =>
        result.AddError($"{(result.Parent as OptionResult)?.Option.Name}: {problem}.");
}
