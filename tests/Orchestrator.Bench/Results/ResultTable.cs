using System.Globalization;
using Orchestrator.Bench.Measuring;
using Spectre.Console;

namespace Orchestrator.Bench.Results;

/// <summary>The result for people.</summary>
internal static class ResultTable
{
    public static void Write(ControlLoopResult result, IAnsiConsole console)
    {
        var (options, machine) = (result.Options, result.Machine);
        // Not by way of the console, which would break them at its width.
        var lines = console.Profile.Out.Writer;
        lines.WriteLine(Text(
            $"control-loop: {options.Hosts} hosts, {options.Migrations} migrations, {options.ReportsPerSecond} reports/s each, passes of {options.PassSeconds} s, seed {options.Seed}"));
        lines.WriteLine(Text(
            $"{machine.Cores} cores of {machine.CpuModel}, {machine.MemoryBytes / 1073741824.0:0} GiB, {machine.OperatingSystem}, Linux {machine.Kernel}"));
        lines.WriteLine(Text(
            $"{machine.Dotnet}, Postgres {machine.Postgres}, commit {(machine.Commit.Length > 0 ? machine.Commit : "unknown")}"));
        lines.WriteLine(Text(
            $"measured {result.Load.MeasuredS:0.0} s at a load average of {result.Load.LoadAverageBefore:0.0} to {result.Load.LoadAverageAfter:0.0}; other processes used {result.Cpu.Others:0.00} cores"));
        var times = new Table().AddColumn("latency, ms").AddColumns("n", "p50", "p90", "p99", "max");
        times.Border = TableBorder.Simple;
        Row(times, "report -> decision (recorded)", result.Decisions.ReportToDecisionMs);
        Row(times, "decision -> command (recorded)", result.Decisions.DecisionToCommandMs);
        Row(times, "report -> command (on the wire)", result.Decisions.ReportToCommandOnTheWireMs);
        console.Write(times);
        console.Write(Figures(result));
    }

    private static Table Figures(ControlLoopResult result)
    {
        var (load, readings, ledger) = (result.Load, result.Readings, result.Ledger);
        var table = new Table().AddColumns("figure", "value");
        table.Border = TableBorder.Simple;
        table.AddRow("source reports sent", Text($"{load.SourceReportsPerS:0} /s ({load.MissedBeats} beats late)"));
        table.AddRow("target reports sent", Text($"{load.TargetReportsPerS:0} /s"));
        table.AddRow("reports taken in as readings", Text($"{readings.TakenInPerS:0} /s"));
        table.AddRow("reports not recorded", Text(
            $"{readings.Missing} of {readings.ReportsSent} ({100 * readings.MissingShare:0.00} %), in {readings.MigrationsWithMissing} migrations"));
        table.AddRow("readings written after", readings.CaughtUpAfterS is { } late ? Text($"{late:0.0} s") : "more than a minute");
        table.AddRow("decisions", Text(
            $"{result.Decisions.PerS:0.0} /s ({result.Decisions.NotApplied} not applied, {result.Decisions.WithoutOutcome} without outcome)"));
        table.AddRow("CPU, control plane", Text($"{result.Cpu.ControlPlane:0.00} cores; on average {result.Cpu.ControlPlaneWaits:0.00} threads waited for one"));
        table.AddRow("CPU, Postgres", Text($"{result.Cpu.Postgres:0.00} cores; on average {result.Cpu.PostgresWaits:0.00} processes waited for one"));
        table.AddRow("CPU, bench", Text($"{result.Cpu.Bench:0.00} cores"));
        table.AddRow("memory, control plane", Text($"{Mebibytes(result.Memory.ControlPlaneBytes)}, at most {Mebibytes(result.Memory.ControlPlanePeakBytes)}"));
        table.AddRow("memory, Postgres", Text($"{Mebibytes(result.Memory.PostgresBytes)} in {result.Memory.PostgresProcesses} processes"));
        table.AddRow("database rows", Text($"{ledger.RowsInsertedPerS:0} inserted/s, {ledger.RowsUpdatedPerS:0} updated/s"));
        table.AddRow("database commits", Text($"{ledger.CommitsPerS:0} /s, {ledger.WalBytesPerS / 1048576:0.0} MiB/s of WAL"));
        table.AddRow("control plane's log", Text($"{result.Log.Warnings} warnings, {result.Log.Errors} errors"));
        table.AddRow("setup", Text(
            $"{result.Setup.HostsS:0.0} s hosts, {result.Setup.DefineS:0.0} s define, {result.Setup.StartGuestsS:0.0} s start, {result.Setup.StartMigrationsS + result.Setup.CopyingS:0.0} s migrations"));
        return table;
    }

    private static void Row(Table table, string name, Distribution? times) => table.AddRow(times is null
        ? [name, "0", "-", "-", "-", "-"]
        : [name, Text($"{times.Count}"), Text($"{times.P50:0.00}"), Text($"{times.P90:0.00}"), Text($"{times.P99:0.00}"), Text($"{times.Max:0.00}")]);

    private static string Mebibytes(ulong bytes) => Text($"{bytes / 1048576.0:0} MiB");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
