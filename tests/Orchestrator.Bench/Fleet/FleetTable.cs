using System.Globalization;
using Orchestrator.Bench.Measuring;
using Spectre.Console;

namespace Orchestrator.Bench.Fleet;

/// <summary>The result for people: a column for each number of replicas.</summary>
internal static class FleetTable
{
    public static void Write(FleetResult result, IAnsiConsole console)
    {
        var (options, machine, lines) = (result.Options, result.Machine, console.Profile.Out.Writer);

        // Not by way of the console, which would break them at its width.
        lines.WriteLine(Text(
            $"fleet: {options.Hosts} hosts, {options.Guests} guests, {options.Queued} queued, {options.Running} running for {options.TransferSeconds} s each, reports every {options.ReportMilliseconds} ms, {options.CallsPerSecond} calls/s, seed {options.Seed}"));
        lines.WriteLine(Text(
            $"{machine.Cores} cores of {machine.CpuModel}, {machine.MemoryBytes / 1073741824.0:0} GiB, {machine.OperatingSystem}, Linux {machine.Kernel}"));
        lines.WriteLine(Text(
            $"{machine.Dotnet}, Postgres {machine.Postgres}, commit {(machine.Commit.Length > 0 ? machine.Commit : "unknown")}"));
        console.Write(Stages(result.Stages));
        console.Write(Placement(result));
    }

    private static Table Stages(IReadOnlyList<StageResult> stages)
    {
        var table = new Table().AddColumn("replicas").AddColumns([.. stages.Select(stage => Text($"{stage.Replicas}"))]);
        table.Border = TableBorder.Simple;
        Row("load average", stage => Text($"{stage.LoadAverageBefore:0.0} to {stage.LoadAverageAfter:0.0}"));
        Row("from none to all running, s", stage => Text($"{stage.Ramp.TookS:0.0} ({stage.Ramp.BegunPerS:0} begun/s)"));
        Row("  rounds of it, ms p50/p99/max", stage => Times(stage.Ramp.Admission.TotalMs));
        Row("  arrivals on one host, at most", stage => Text($"{stage.Ramp.ArrivalsMost} ({stage.Ramp.ArrivalsLeastPossible} if even)"));
        Row("queued, before and after", stage => Text($"{stage.Before.Queued} {stage.After.Queued}"));
        Row("running, before and after", stage => Text($"{stage.Before.Running} {stage.After.Running}"));
        Row("completed meanwhile /s", stage => Text($"{(stage.After.Completed - stage.Before.Completed) / stage.MeasuredS:0.0} ({stage.After.Failed} failed)"));
        Row("admission: let through /s", stage => Text($"{stage.Admission.DecisionsPerSecond:0.0}"));
        Row("admission: judged per s of a round", stage => Text($"{stage.Admission.JudgedPerSecondOfRound:0}"));
        Row("admission: round, ms p50/p99/max", stage => Text($"{Times(stage.Admission.TotalMs)} ({stage.Admission.Rounds} rounds)"));
        Row("  of it reading", stage => Times(stage.Admission.ReadMs));
        Row("  of it deciding", stage => Times(stage.Admission.DecideMs));
        Row("  of it writing", stage => Times(stage.Admission.WriteMs));
        Row("slot empty, ms p50/p99/max", stage => Times(stage.SlotEmptyMs));
        Row("start, ms p50/p99/max", stage => Counted(stage.Calls.Start));
        Row("get, ms p50/p99/max", stage => Counted(stage.Calls.Get));
        Row("list 100, ms p50/p99/max", stage => Counted(stage.Calls.List));
        Row("queue 100, ms p50/p99/max", stage => Counted(stage.Calls.Queue));
        Row("calls that failed", stage => Text($"{stage.Calls.Failed} {stage.Calls.FirstFailure}"));
        Row("CPU, each replica, cores", stage => string.Join(" ", stage.Cpu.Replicas.Select(cores => Text($"{cores:0.00}"))));
        Row("CPU, Postgres / bench / others", stage => Text($"{stage.Cpu.Postgres:0.00} / {stage.Cpu.Bench:0.00} / {stage.Cpu.Others:0.00}"));
        Row("memory, each replica, MiB", stage => string.Join(" ", stage.ReplicaBytes.Select(bytes => Text($"{bytes / 1048576.0:0}"))));
        Row("memory, Postgres, MiB", stage => Text($"{stage.PostgresBytes / 1048576.0:0}"));
        Row("rows inserted, updated /s", stage => Text($"{stage.RowsInsertedPerS:0} {stage.RowsUpdatedPerS:0}"));
        Row("commits /s, WAL MiB/s", stage => Text($"{stage.CommitsPerS:0} {stage.WalBytesPerS / 1048576:0.0}"));
        Row("reports, adjustments /s", stage => Text($"{stage.ReportsPerS:0} {stage.AdjustmentsPerS:0}"));
        Row("log: warnings, errors", stage => Text($"{stage.LogWarnings} {stage.LogErrors}"));
        return table;

        void Row(string name, Func<StageResult, string> cell) => table.AddRow([name, .. stages.Select(stage => Markup.Escape(cell(stage)))]);
    }

    private static Table Placement(FleetResult result)
    {
        var batch = result.Placement.Batch;
        var table = new Table().AddColumns("placement in memory", "value");
        table.Border = TableBorder.Simple;
        table.AddRow("placed", Text($"{batch.Placed} of {batch.Guests} guests on {result.Options.Hosts} hosts"));
        table.AddRow("time", Text($"{batch.TookMs:0.0} ms, {batch.TookMs / Math.Max(1, batch.Guests):0.000} ms a guest"));
        table.AddRow("fullest host that got one", Text($"{100 * batch.MemoryShareMost:0.0} % of its memory; {100 * batch.MemoryShareMostPossible:0.0} % if guests were water"));
        table.AddRow("arrivals on one host", Text($"at most {batch.ArrivalsMost}, {batch.ArrivalsLeastPossible} if even"));
        return table;
    }

    private static string Times(Distribution? times) => times is null ? "-" : Text($"{times.P50:0.0} / {times.P99:0.0} / {times.Max:0.0}");

    private static string Counted(Distribution? times) => times is null ? "-" : Text($"{Times(times)} ({times.Count})");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
