using Npgsql;
using Orchestrator.Bench.Agents;
using Orchestrator.Bench.Load;
using Orchestrator.Bench.Measuring;
using Orchestrator.Bench.Results;
using Orchestrator.LocalFleet.Processes;

namespace Orchestrator.Bench.Fleet;

/// <summary>One number of replicas, from an empty database to the figures. Everything it starts is stopped when it leaves.</summary>
internal sealed class FleetStage(FleetOptions options, int replicas, Action<string> say, TimeProvider clock)
{
    private const int Callees = 2000;

    // Several times the even share, so that it is the fleet's limit that holds the rest back.
    private const int PerHost = 16;

    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_tellEvery = TimeSpan.FromSeconds(5);

    /// <returns>The figures, and the version of Postgres they were measured on.</returns>
    public async Task<(StageResult Result, string Postgres)> RunAsync(string folder, CancellationToken cancellation)
    {
        var people = new FleetPeople(options);
        say($"{replicas} of {options.Replicas} replicas: starting {options.Hosts} scripted agents, Postgres and the control plane");
        await using var agents = await ScriptedFleet.StartAsync(
            options.Hosts, HostShape.Usual, guestId => people.ById.TryGetValue(guestId, out _) ? people.CopyOf(guestId) : people.CopyOf(people.Guests[0].GuestId),
            clock, cancellation);
        var plan = new FleetPlan
        {
            Folder = folder,
            Hosts = [],
            Replicas = replicas,
            ControlPlaneSettings = new Dictionary<string, string>
            {
                ["Agents:ReportInterval"] = TimeSpan.FromMilliseconds(options.ReportMilliseconds).ToString("c"),
                ["Logging:LogLevel:Orchestrator.ControlPlane.Queue.Dispatcher"] = "Debug",
                ["Logging:LogLevel:Orchestrator.ControlPlane.Migrations"] = "Warning",
            },
        };
        await using var postgres = new DatabaseServer(Path.Combine(folder, "db"), clock);
        await postgres.StartAsync(cancellation);
        var servers = Enumerable.Range(1, replicas).Select(number => new ControlPlaneServer(plan, number, postgres, clock)).ToList();
        try
        {
            foreach (var server in servers)
            {
                await server.StartAsync(cancellation);
            }

            await using var database = NpgsqlDataSource.Create(postgres.ConnectionString);
            await using var probe = LedgerProbe.Open(Path.Combine(folder, "db", "data"));
            await SetUpAsync(new FleetSeed(servers[0], agents, people, database, clock), agents, servers, cancellation);
            return (await MeasureAsync(people, agents, servers, (new FleetLedger(database), probe), cancellation), await probe.VersionAsync(cancellation));
        }
        finally
        {
            await Task.WhenAll(servers.Select(server => server.DisposeAsync().AsTask()));
        }
    }

    private async Task SetUpAsync(FleetSeed seed, ScriptedFleet agents, List<ControlPlaneServer> servers, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        await Limits.OpenAsync(servers[0], options.Running, Math.Max(8, options.Running / 4), PerHost, cancellation);
        await seed.RegisterHostsAsync(cancellation);
        await UntilAsync("report streams are open", () => agents.Tally.Streams, options.Hosts * replicas, cancellation);
        await seed.SettleGuestsAsync(cancellation);
        say(FormattableString.Invariant($"{options.Hosts} hosts and {options.Guests} guests after {clock.GetElapsedTime(began).TotalSeconds:0.0} s"));
        await seed.FillQueueAsync(cancellation);
    }

    private async Task<StageResult> MeasureAsync(
        FleetPeople people, ScriptedFleet agents, List<ControlPlaneServer> servers, (FleetLedger Ledger, LedgerProbe Probe) database,
        CancellationToken cancellation)
    {
        var logs = servers.Select(server => server.Process.LogPath).ToList();
        var rampBegan = clock.GetUtcNow();
        await UntilAsync("migrations copy", () => agents.Tally.Begun().Count, options.Running, cancellation);
        var rampEnded = clock.GetUtcNow();
        var ramp = rampEnded - rampBegan;
        var arrivals = await database.Ledger.ArrivalsAsync(cancellation);
        say(FormattableString.Invariant($"{options.Running} copy after {ramp.TotalSeconds:0.0} s; measuring for {options.Seconds} s"));

        var callees = await database.Ledger.SomeAsync(Callees, cancellation);
        var before = await database.Ledger.CountAsync(cancellation);
        var began = await StageMoment.TakeAsync(servers, agents, database.Probe, clock, cancellation);
        var calls = new CallLoad(servers, people, options.CallsPerSecond, clock);
        using (var measured = CancellationTokenSource.CreateLinkedTokenSource(cancellation))
        {
            measured.CancelAfter(TimeSpan.FromSeconds(options.Seconds));
            await calls.RunAsync(callees, measured.Token);
        }

        cancellation.ThrowIfCancellationRequested();
        var ended = await StageMoment.TakeAsync(servers, agents, database.Probe, clock, cancellation);
        var after = await database.Ledger.CountAsync(cancellation);
        var ends = await database.Ledger.EndsAsync(cancellation);
        var rounds = Round.Read(logs);
        var (seconds, ledger) = ((ended.At - began.At).TotalSeconds, ended.Ledger - began.Ledger);
        var counts = ended.Agents - began.Agents;
        var complaints = logs.Select(LogFigures.Read).ToList();
        return new StageResult
        {
            Replicas = replicas,
            Ramp = new RampFigures(
                ramp.TotalSeconds,
                options.Running / ramp.TotalSeconds,
                RoundFigures.Of([.. rounds.Where(round => round.At >= rampBegan && round.At <= rampEnded && round.Waiting > 0)], ramp),
                (int)arrivals.DefaultIfEmpty().Max(),
                (int)Math.Ceiling((double)arrivals.Sum() / options.Hosts)),
            MeasuredS = seconds,
            LoadAverageBefore = began.LoadAverage,
            LoadAverageAfter = ended.LoadAverage,
            Before = before,
            After = after,
            Admission = RoundFigures.Of([.. rounds.Where(round => round.At >= began.At && round.At <= ended.At)], ended.At - began.At),
            Calls = calls.Figures(),
            SlotEmptyMs = Distribution.Of(
                SlotGaps.Between(options.Running, agents.Tally.Begun(), ends, began.At, ended.At).Select(gap => gap.TotalMilliseconds)),
            Cpu = LoadShares.Between(began, ended),
            ReplicaBytes = [.. servers.Select(server => ProcessMemory.ResidentBytes(server.Process.ProcessId))],
            PostgresBytes = ProcessTimes.ChildrenOf(database.Probe.Postmaster).Append(database.Probe.Postmaster)
                .Aggregate(0UL, (sum, pid) => sum + ProcessMemory.ProportionalBytes(pid)),
            RowsInsertedPerS = ledger.Inserted / seconds,
            RowsUpdatedPerS = ledger.Updated / seconds,
            CommitsPerS = ledger.Commits / seconds,
            WalBytesPerS = ledger.WalBytes / seconds,
            ReportsPerS = (counts.SourceReports + counts.TargetReports) / seconds,
            AdjustmentsPerS = counts.Adjustments / seconds,
            LogWarnings = complaints.Sum(log => log.Warnings),
            LogErrors = complaints.Sum(log => log.Errors),
        };
    }

    private async Task UntilAsync(string what, Func<int> count, int wanted, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        var told = began;
        while (count() < wanted)
        {
            if (clock.GetElapsedTime(began) > s_bound)
            {
                throw new FleetException($"Only {count()} of {wanted} {what} after {s_bound.TotalMinutes:0} minutes.");
            }

            if (clock.GetElapsedTime(told) > s_tellEvery)
            {
                told = clock.GetTimestamp();
                say($"{count()} of {wanted} {what}");
            }

            await Task.Delay(s_lookEvery, clock, cancellation);
        }
    }
}
