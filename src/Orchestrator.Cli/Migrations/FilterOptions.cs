using System.CommandLine;
using System.CommandLine.Parsing;
using Orchestrator.Cli.Rendering;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations;

/// <summary>Which migrations are meant.</summary>
internal sealed class FilterOptions
{
    private readonly Option<string> _guest = new("--guest") { Description = "Only of this guest. Default: all.", HelpName = "guest" };
    private readonly Option<string> _host = new("--host") { Description = "Only from or to this host. Default: all.", HelpName = "host" };

    private readonly Option<string[]> _phases = new Option<string[]>("--phase")
    {
        Description = "Only in this phase; may be repeated. Default: all.",
        HelpName = "phase",
    }.AcceptOnlyFromAmong([.. EnumText.All<MigrationPhase>()]);

    private readonly Option<bool> _running = new("--running") { Description = "Only those that have not ended. Default: all." };

    public void AddTo(Command command)
    {
        command.Add(_guest);
        command.Add(_host);
    }

    public void AddPhasesTo(Command command)
    {
        command.Add(_phases);
        command.Add(_running);
    }

    public bool IsGiven(SymbolResult result) => result.GetResult(_guest) is not null || result.GetResult(_host) is not null;

    public MigrationFilter Read(ParseResult parse)
    {
        var filter = new MigrationFilter
        {
            GuestId = parse.GetValue(_guest) ?? "",
            HostId = parse.GetValue(_host) ?? "",
            RunningOnly = parse.GetValue(_running),
        };
        filter.Phases.AddRange((parse.GetValue(_phases) ?? []).Select(phase => EnumText.Find<MigrationPhase>(phase) ?? default));
        return filter;
    }
}
