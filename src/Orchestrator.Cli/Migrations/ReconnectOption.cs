using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Quantities;

namespace Orchestrator.Cli.Migrations;

/// <summary>How long a watch tries to get a lost server back.</summary>
internal static class ReconnectOption
{
    private static readonly TimeSpan s_usual = TimeSpan.FromMinutes(5);

    public static Option<Duration?> Create() => QuantityOption.Duration(
        "--reconnect-for",
        "How long to try again when the server goes away meanwhile; migrations go on without it. 0 = not at all. Default: 5m.");

    public static TimeSpan Read(ParseResult parse, Option<Duration?> option) => parse.GetValue(option)?.ToTimeSpan() ?? s_usual;
}
