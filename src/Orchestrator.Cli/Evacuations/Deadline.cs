using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Specs;

namespace Orchestrator.Cli.Evacuations;

/// <summary>A point in time, said as such or as a time from now.</summary>
/// <param name="At">Null when said from now.</param>
internal sealed record Deadline(Timestamp? At, Duration? FromNow)
{
    private const string Name = "--deadline";

    public static Option<Deadline?> CreateOption() => new(Name)
    {
        Description = "Everything off the hosts by then: a time such as 2026-11-21T18:00:00Z, or from now on, e.g. 2h. "
            + "It stops nothing; it tells early who will be late. Default: none.",
        HelpName = "time",
        CustomParser = static result =>
        {
            var text = result.Tokens[^1].Value;
            if (Moment.TryParse(text, out var at))
            {
                return new Deadline(at, null);
            }

            if (Quantity.TryParseDuration(text, out var fromNow, out _))
            {
                return new Deadline(null, fromNow);
            }

            result.AddError($"{Name}: \"{text}\" is neither {Moment.Form}, nor a time from now such as 2h.");
            return null;
        },
    };

    public Timestamp After(DateTimeOffset now) => At ?? (now + (FromNow?.ToTimeSpan() ?? TimeSpan.Zero)).ToTimestamp();
}
