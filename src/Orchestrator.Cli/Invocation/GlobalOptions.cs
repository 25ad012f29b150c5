using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Quantities;

namespace Orchestrator.Cli.Invocation;

/// <summary>What every command takes.</summary>
internal sealed class GlobalOptions
{
    public const string ServerVariable = "ORCHESTRATOR_SERVER";

    private const string DefaultServer = "http://127.0.0.1:7443";

    private static readonly TimeSpan s_defaultTimeout = TimeSpan.FromSeconds(30);

    // A deadline beyond this is no deadline, and the timer behind it has a bound of about 49 days.
    private static readonly TimeSpan s_longestTimeout = TimeSpan.FromDays(1);

    private readonly Option<Uri?> _server = new("--server")
    {
        Description = $"Where the control plane listens. Default: ${ServerVariable}, else {DefaultServer}.",
        HelpName = "url",
        Recursive = true,
        CustomParser = static result =>
        {
            if (TryServer(result.Tokens[^1].Value, out var server))
            {
                return server;
            }

            result.AddError($"--server: {NoServer(result.Tokens[^1].Value)}");
            return null;
        },
    };

    private readonly Option<string> _output = new Option<string>("--output", "-o")
    {
        Description = "table for people, json for programs: the server's answer as proto JSON, one object per line where it streams. "
            + "Default: table.",
        HelpName = "format",
        Recursive = true,
    }.AcceptOnlyFromAmong("table", "json");

    private readonly Option<Duration?> _timeout = QuantityOption.Duration(
        "--timeout",
        "How long one call may take; a watch is not limited. Above 0, at most 1d. Default: 30s.",
        static timeout => timeout > TimeSpan.Zero && timeout <= s_longestTimeout ? null : "must be above 0 and at most 1d");

    public GlobalOptions() => _timeout.Recursive = true;

    public void AddTo(Command root)
    {
        root.Add(_server);
        root.Add(_output);
        root.Add(_timeout);
    }

    /// <summary>Never fails, so that even a faulty command line gets its errors in the wanted form.</summary>
    public OutputFormat Format(ParseResult parse) =>
        parse.GetResult(_output)?.Tokens is [.., { Value: "json" }] ? OutputFormat.Json : OutputFormat.Table;

    public TimeSpan Timeout(ParseResult parse) => parse.GetValue(_timeout)?.ToTimeSpan() ?? s_defaultTimeout;

    /// <param name="problem">The environment variable is at fault; the option has been checked by the parser.</param>
    public bool TryServer(
        ParseResult parse, Terminal terminal, [NotNullWhen(true)] out Uri? server, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        server = parse.GetValue(_server);
        if (server is not null)
        {
            return true;
        }

        var text = terminal.Variable(ServerVariable) is { Length: > 0 } set ? set : DefaultServer;
        if (!TryServer(text, out server))
        {
            problem = $"{ServerVariable}: {NoServer(text)}";
        }

        return server is not null;
    }

    /// <summary>What to add to a command that the user may type next, so that it goes to the same server.</summary>
    public string Repeated(ParseResult parse) => parse.GetValue(_server) is { } server ? $" --server {server.OriginalString}" : "";

    private static bool TryServer(string text, [NotNullWhen(true)] out Uri? server) =>
        Uri.TryCreate(text, UriKind.Absolute, out server) && server is { Scheme: "http" or "https", Host.Length: > 0, PathAndQuery: "/" };

    private static string NoServer(string text) => $"\"{text}\" is no server; write http://HOST:PORT or https://HOST:PORT.";
}
