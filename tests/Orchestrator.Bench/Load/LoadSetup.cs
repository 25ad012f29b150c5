using Google.Protobuf.WellKnownTypes;
using Orchestrator.Bench.Agents;
using Orchestrator.LocalFleet.Processes;
using Orchestrator.V1;

namespace Orchestrator.Bench.Load;

/// <summary>Brings the planned migrations under way through the public API, many calls at a time but not all of them.</summary>
internal sealed class LoadSetup(ControlPlaneServer controlPlane, ScriptedFleet agents, LoadPlan plan, Action<string> say, TimeProvider clock)
{
    public const string Policy = "bench";

    private const int AtOnce = 16;
    private static readonly TimeSpan s_tellEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_askEvery = TimeSpan.FromMilliseconds(500);

    public async Task<SetupTimes> RunAsync(CancellationToken cancellation)
    {
        await controlPlane.Policies.CreatePolicyAsync(
            new CreatePolicyRequest { Name = Policy, Document = Document() }, cancellationToken: cancellation);
        await Limits.OpenAsync(controlPlane, plan.Migrations.Count, plan.Migrations.Count, plan.Migrations.Count, cancellation);
        var hosts = await EachAsync("hosts registered", agents.Hosts, RegisterAsync, cancellation);
        var defined = await EachAsync("guests defined", plan.Migrations, DefineAsync, cancellation);
        var started = await EachAsync("guests started", plan.Migrations, StartGuestAsync, cancellation);
        var migrating = await EachAsync("migrations started", plan.Migrations, MigrateAsync, cancellation);
        var copying = await AwaitCopyingAsync(cancellation);
        return new SetupTimes(
            hosts.TotalSeconds, defined.TotalSeconds, started.TotalSeconds, migrating.TotalSeconds, copying.TotalSeconds);
    }

    /// <summary>
    /// One decision for every pass, for as long as anybody measures: each pass without improvement raises the limit a little, and nothing
    /// else ever ends the copy.
    /// </summary>
    private static PolicyDocument Document() => new()
    {
        Description = "Raises the limit by 2 % at every pass that brings no improvement.",
        InitialDowntime = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(30)),
        MaxDowntime = Duration.FromTimeSpan(TimeSpan.FromSeconds(2)),
        Exponential = new ExponentialPacing { Factor = 1.02, StalledRounds = 1 },
        Steps =
        {
            new LadderStep { RaiseDowntime = new RaiseDowntime() },
            new LadderStep
            {
                When = { new Trigger { ElapsedAbove = Duration.FromTimeSpan(TimeSpan.FromDays(7)) } },
                Abort = new Abort(),
            },
        },
    };

    private Task RegisterAsync(ScriptedHost host, CancellationToken cancellation) => controlPlane.Hosts.RegisterHostAsync(
        new RegisterHostRequest { HostId = host.HostId, AgentEndpoint = agents.EndpointOf(host) }, cancellationToken: cancellation).ResponseAsync;

    private Task DefineAsync(PlannedMigration planned, CancellationToken cancellation) => controlPlane.Guests.DefineGuestAsync(
        new DefineGuestRequest { GuestId = planned.GuestId, Spec = planned.Spec }, cancellationToken: cancellation).ResponseAsync;

    private Task StartGuestAsync(PlannedMigration planned, CancellationToken cancellation) => controlPlane.Guests.StartGuestAsync(
        new StartGuestRequest { GuestId = planned.GuestId, HostId = agents.Hosts[planned.Source].HostId }, cancellationToken: cancellation).ResponseAsync;

    private Task MigrateAsync(PlannedMigration planned, CancellationToken cancellation) => controlPlane.Migrations.StartMigrationAsync(
        new StartMigrationRequest
        {
            MigrationId = planned.MigrationId.ToString(),
            GuestId = planned.GuestId,
            TargetHostId = agents.Hosts[planned.Target].HostId,
            Policy = Policy,
            RequestedBy = "bench",
        },
        cancellationToken: cancellation).ResponseAsync;

    private async Task<TimeSpan> EachAsync<T>(
        string what, IReadOnlyList<T> items, Func<T, CancellationToken, Task> act, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        var done = 0;
        await using var telling = clock.CreateTimer(_ => say($"{Volatile.Read(ref done)} of {items.Count} {what}"), null, s_tellEvery, s_tellEvery);
        await Parallel.ForEachAsync(
            items,
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation },
            async (item, token) =>
            {
                await act(item, token);
                Interlocked.Increment(ref done);
            });
        var took = clock.GetElapsedTime(began);
        say(FormattableString.Invariant($"{items.Count} {what} in {took.TotalSeconds:0.0} s"));
        return took;
    }

    private async Task<TimeSpan> AwaitCopyingAsync(CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        var toldAt = began;
        while (true)
        {
            var phases = await PhasesAsync(cancellation);
            var copying = phases.GetValueOrDefault(MigrationPhase.Copying);
            if (copying == plan.Migrations.Count)
            {
                var took = clock.GetElapsedTime(began);
                say(FormattableString.Invariant($"all {copying} migrations copy after another {took.TotalSeconds:0.0} s"));
                return took;
            }

            if (phases.Keys.FirstOrDefault(phase => phase is MigrationPhase.Failed or MigrationPhase.NeedsAttention) is not MigrationPhase.Unspecified and var bad)
            {
                throw new FleetException($"{phases[bad]} migrations are {bad}; nothing can be measured. {controlPlane.Process.LastLines(15)}");
            }

            if (clock.GetElapsedTime(toldAt) >= s_tellEvery)
            {
                toldAt = clock.GetTimestamp();
                say($"{copying} of {plan.Migrations.Count} migrations copy");
            }

            await Task.Delay(s_askEvery, clock, cancellation);
        }
    }

    private async Task<IReadOnlyDictionary<MigrationPhase, int>> PhasesAsync(CancellationToken cancellation)
    {
        var request = new ListMigrationsRequest { PageSize = 1000 };
        var phases = new Dictionary<MigrationPhase, int>();
        do
        {
            var page = await controlPlane.Migrations.ListMigrationsAsync(request, cancellationToken: cancellation);
            foreach (var migration in page.Migrations)
            {
                phases[migration.Phase] = phases.GetValueOrDefault(migration.Phase) + 1;
            }

            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return phases;
    }
}

/// <summary>How long each stage of the setup took, in seconds. "CopyingS" is what was still missing when all had been started.</summary>
internal sealed record SetupTimes(double HostsS, double DefineS, double StartGuestsS, double StartMigrationsS, double CopyingS);
