using System.CommandLine;
using System.Diagnostics;
using Orchestrator.Lab.Reports;
using Orchestrator.Lab.Running;
using Orchestrator.Lab.Scores;
using Orchestrator.Lab.Workloads;
using Spectre.Console;
using Grid = Orchestrator.Lab.Reports.Grid;

namespace Orchestrator.Lab.Invocation;

/// <summary>The comparison in the model: reads the workloads, plays them all, shows the tables and writes the files that were asked for.</summary>
internal static class LabCommand
{
    public static RootCommand Create()
    {
        var folder = new Option<string?>("--workloads") { Description = "Folder of workload files instead of those that come with it.", HelpName = "folder" };
        var only = Names("--only", "Only these workloads.");
        var policies = Names("--policies", "Only these policies; the list is in --list.");
        var json = new Option<string?>("--json") { Description = "File that gets everything as JSON; - is standard output, without the tables.", HelpName = "file" };
        var markdown = new Option<string?>("--markdown") { Description = "File that gets the tables as Markdown.", HelpName = "file" };
        var explain = new Option<string?>("--explain") { Description = "Tell what ours decided on this workload, and why.", HelpName = "workload" };
        var list = new Option<bool>("--list") { Description = "Name the policies and the workloads, and stop." };
        var root = new RootCommand(
            "Plays migration policies side by side on the same work: ours and those of oVirt, Nova, KubeVirt, Proxmox, libvirt and QEMU itself, in a "
            + "model of QEMU's migration loop, against the best that could have been done. Exit code 0 when every aim is met, 1 when one is not, 2 for bad input.")
        {
            folder, only, policies, json, markdown, explain, list,
        };
        root.SetAction(async (parsed, cancellation) =>
        {
            var (workloads, faults) = WorkloadFiles.ReadFolder(parsed.GetValue(folder) ?? WorkloadFiles.OwnFolder);
            var wanted = parsed.GetValue(only) ?? [];
            var contestants = Chosen(parsed.GetValue(policies) ?? [], faults);
            var chosen = Chosen(workloads, wanted, faults);
            if (faults.Count > 0)
            {
                foreach (var fault in faults)
                {
                    await Console.Error.WriteLineAsync(fault.ToString());
                }

                return 2;
            }

            if (parsed.GetValue(list))
            {
                Listing.Write(contestants, chosen);
                return 0;
            }

            if (parsed.GetValue(explain) is { } name)
            {
                return Explanation.Write(workloads, name);
            }

            var runs = Play(chosen, contestants, cancellation);
            var standings = Standing.Of(runs);
            Grid[] grids = [Grids.Workloads(runs), Grids.Policies(runs), Grids.Standings(standings)];
            var toOutput = parsed.GetValue(json) == "-";
            if (!toOutput)
            {
                foreach (var grid in grids.Where(grid => grid.Rows.Count > 0))
                {
                    TerminalReport.Write(AnsiConsole.Console, grid);
                }
            }

            await WriteAsync(parsed.GetValue(json), JsonReport.Render(runs, standings), cancellation);
            await WriteAsync(parsed.GetValue(markdown), MarkdownReport.Render(grids), cancellation);
            return standings.Any(standing => standing.Met is false) ? 1 : 0;
        });
        return root;
    }

    private static IReadOnlyList<LabRun> Play(IReadOnlyList<Workload> workloads, IReadOnlyList<Contestant> contestants, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        var showing = !Console.IsErrorRedirected;
        var runs = LabSession.Run(
            workloads,
            contestants,
            done =>
            {
                if (showing)
                {
                    Console.Error.Write($"\r{done} of {workloads.Count} workloads");
                }
            },
            cancellation);
        Console.Error.WriteLine(FormattableString.Invariant(
            $"{(showing ? "\r" : "")}{workloads.Count} workloads under {contestants.Count} policies in {watch.Elapsed.TotalSeconds:0.0} s"));
        return runs;
    }

    private static async Task WriteAsync(string? path, string text, CancellationToken cancellation)
    {
        if (path == "-")
        {
            Console.WriteLine(text);
        }
        else if (path is not null)
        {
            await File.WriteAllTextAsync(path, text.TrimEnd() + "\n", cancellation);
        }
    }

    private static Option<string[]> Names(string name, string description) =>
        new(name) { Description = description, HelpName = "name", AllowMultipleArgumentsPerToken = true };

    private static IReadOnlyList<Contestant> Chosen(string[] names, List<WorkloadFault> faults)
    {
        var unknown = names.Except(Contestant.All.Select(contestant => contestant.Name)).ToList();
        faults.AddRange(unknown.Select(name => new WorkloadFault("--policies", name, "is not known; --list names them all")));
        return names.Length == 0 ? Contestant.All : [.. Contestant.All.Where(contestant => names.Contains(contestant.Name))];
    }

    private static IReadOnlyList<Workload> Chosen(IReadOnlyList<Workload> workloads, string[] names, List<WorkloadFault> faults)
    {
        var unknown = names.Except(workloads.Select(workload => workload.Name)).ToList();
        faults.AddRange(unknown.Select(name => new WorkloadFault("--only", name, "is no workload; --list names them all")));
        return names.Length == 0 ? workloads : [.. workloads.Where(workload => names.Contains(workload.Name))];
    }
}
