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

    private readonly Option<IReadOnlyList<Uri>?> _server = new("--server")
    {
        Description = "Where the control plane listens; several replicas with commas between them, the first that can be reached is asked. "
            + $"Default: ${ServerVariable}, else {DefaultServer}.",
        HelpName = "url",
        Recursive = true,
        CustomParser = static result =>
        {
            if (TryServers(result.Tokens[^1].Value, out var servers))
            {
                return servers;
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
    public bool TryServers(
        ParseResult parse, Terminal terminal, [NotNullWhen(true)] out IReadOnlyList<Uri>? servers, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        servers = parse.GetValue(_server);
        if (servers is not null)
        {
            return true;
        }

        var text = terminal.Variable(ServerVariable) is { Length: > 0 } set ? set : DefaultServer;
        if (!TryServers(text, out servers))
        {
            problem = $"{ServerVariable}: {NoServer(text)}";
        }

        return servers is not null;
    }

    /// <summary>What to add to a command that the user may type next, so that it goes to the same server.</summary>
    public string Repeated(ParseResult parse) => parse.GetValue(_server) is { } servers
        ? $" --server {string.Join(',', servers.Select(server => server.OriginalString))}"
        : "";

    /// <summary>Several only without TLS: a certificate is checked against the name of the first.</summary>
    private static bool TryServers(string text, [NotNullWhen(true)] out IReadOnlyList<Uri>? servers)
    {
        var found = new List<Uri>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (Uri.TryCreate(part, UriKind.Absolute, out var server) && server is { Scheme: "http" or "https", Host.Length: > 0, PathAndQuery: "/" })
            {
                found.Add(server);
            }
        }

        servers = found.Count == text.Split(',').Length && (found.Count == 1 || found.All(server => server.Scheme == Uri.UriSchemeHttp))
            ? found
            : null;
        return servers is not null;
    }

    private static string NoServer(string text) => text.Contains(',')
        ? $"\"{text}\" is no list of servers; write http://HOST:PORT,http://HOST:PORT."
        : $"\"{text}\" is no server; write http://HOST:PORT or https://HOST:PORT.";
}
