using Orchestrator.Bench.Agents;
using Orchestrator.Bench.Load;
using Orchestrator.Bench.Measuring;
using Orchestrator.Bench.Results;
using Orchestrator.LocalFleet.Processes;

namespace Orchestrator.Bench.ControlLoop;

/// <summary>One measurement from start to end. Everything it starts is stopped when it leaves.</summary>
internal sealed class ControlLoopRun(ControlLoopOptions options, Action<string> say, TimeProvider clock)
{
    private static readonly TimeSpan s_tellEvery = TimeSpan.FromSeconds(5);

    public async Task<ControlLoopResult> RunAsync(string folder, CancellationToken cancellation)
    {
        var plan = LoadPlan.Drawn((ulong)options.Seed, options.Hosts, options.Migrations, TimeSpan.FromSeconds(options.PassSeconds));
        var copies = plan.Migrations.ToDictionary(planned => planned.GuestId, planned => planned.Copy, StringComparer.Ordinal);
        say($"starting {options.Hosts} scripted agents, Postgres and the control plane");
        await using var agents = await ScriptedFleet.StartAsync(options.Hosts, HostShape.Boundless, guestId => copies[guestId], clock, cancellation);
        await using var controlPlane = new ControlPlaneServer(
            new FleetPlan
            {
                Folder = folder,
                Hosts = [],
                ControlPlaneSettings = new Dictionary<string, string>
                {
                    ["Agents:ReportInterval"] = (TimeSpan.FromSeconds(1) / options.ReportsPerSecond).ToString("c"),
                },
            },
            clock);
        await controlPlane.StartAsync(cancellation);
        await using var ledger = LedgerProbe.Open(controlPlane.DataFolder);
        var machine = await Machine.DescribeAsync(await ledger.VersionAsync(cancellation), cancellation);
        var setup = await new LoadSetup(controlPlane, agents, plan, say, clock).RunAsync(cancellation);

        say($"warming up for {options.Warmup} s");
        await Task.Delay(TimeSpan.FromSeconds(options.Warmup), clock, cancellation);
        var pid = controlPlane.Process.ProcessId;
        var began = await Moment.TakeAsync(agents, pid, ledger, clock, cancellation);
        await MeasureAsync(agents, pid, ledger.Postmaster, cancellation);
        var ended = await Moment.TakeAsync(agents, pid, ledger, clock, cancellation);
        var memory = MemoryFigures.Of(pid, ledger.Postmaster);

        say("reading back what was recorded");
        var readBack = new ReadBack(controlPlane, agents, ledger, plan, clock);
        var readings = await readBack.ReadingsAsync(began.At, ended.At, cancellation);
        var decisions = await readBack.DecisionsAsync(began.At, ended.At, cancellation);
        return new ControlLoopResult
        {
            Options = options,
            Machine = machine,
            Setup = setup,
            Load = LoadFigures.Between(began, ended, clock),
            Cpu = CpuFigures.Between(began, ended, clock),
            Memory = memory,
            Ledger = LedgerFigures.Between(began, ended, clock),
            Readings = readings,
            Decisions = decisions,
            Log = LogFigures.Read(controlPlane.Process.LogPath),
        };
    }

    private async Task MeasureAsync(ScriptedFleet agents, int controlPlane, int postmaster, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        using var beat = new PeriodicTimer(s_tellEvery, clock);
        var (sent, cpu, at) = (agents.Tally.Read(), CpuTimes.Of(controlPlane, postmaster), began);
        while (TimeSpan.FromSeconds(options.Seconds) - clock.GetElapsedTime(began) is var left && left > TimeSpan.Zero)
        {
            if (left < s_tellEvery)
            {
                await Task.Delay(left, clock, cancellation);
                continue;
            }

            await beat.WaitForNextTickAsync(cancellation);
            var (sentNow, cpuNow, now) = (agents.Tally.Read(), CpuTimes.Of(controlPlane, postmaster), clock.GetTimestamp());
            var seconds = clock.GetElapsedTime(at, now).TotalSeconds;
            say(FormattableString.Invariant(
                $"{clock.GetElapsedTime(began, now).TotalSeconds,4:0} s: {(sentNow - sent).SourceReports / seconds:0} source reports/s, ")
                + FormattableString.Invariant($"{(sentNow - sent).Adjustments / seconds:0} commands/s, CPU cores: ")
                + FormattableString.Invariant($"control plane {(cpuNow.ControlPlane - cpu.ControlPlane).TotalSeconds / seconds:0.00}, ")
                + FormattableString.Invariant($"Postgres {(cpuNow.Postgres - cpu.Postgres).TotalSeconds / seconds:0.00}, ")
                + FormattableString.Invariant($"bench {(cpuNow.Bench - cpu.Bench).TotalSeconds / seconds:0.00}, ")
                + FormattableString.Invariant($"machine {(cpuNow.Machine - cpu.Machine).TotalSeconds / seconds:0.00}"));
            (sent, cpu, at) = (sentNow, cpuNow, now);
        }
    }
}
