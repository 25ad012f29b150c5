using System.CommandLine;

namespace Orchestrator.Cli.Invocation;

/// <summary>An id that the caller may choose, so that a repeated command is the same request; absent = null.</summary>
internal static class UuidOption
{
    public static Option<Guid?> Create(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "uuid",
        CustomParser = result =>
        {
            if (Guid.TryParseExact(result.Tokens[^1].Value, "D", out var id) && id != Guid.Empty)
            {
                return id;
            }

            result.AddError(
                $"{name}: \"{result.Tokens[^1].Value}\" is no UUID: write it as 3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d, not all zero.");
            return null;
        },
    };
}
