using System.Collections.Concurrent;
using Grpc.Core;
using Orchestrator.Bench.Measuring;
using Orchestrator.LocalFleet.Processes;
using Orchestrator.V1;

namespace Orchestrator.Bench.Fleet;

/// <summary>
/// Callers of the API at a fixed pace, each call to the next replica in turn: a call that is slow does not keep the next from being made.
/// </summary>
internal sealed class CallLoad(IReadOnlyList<ControlPlaneServer> replicas, FleetPeople people, int callsPerSecond, TimeProvider clock)
{
    private const int PageSize = 100;

    private readonly ConcurrentBag<(string Kind, double Ms)> _answered = [];
    private readonly ConcurrentBag<string> _failures = [];
    private readonly ConcurrentQueue<BenchGuest> _spare = new(people.Spare);
    private readonly List<AdmissionService.AdmissionServiceClient> _queues =
        [.. replicas.Select(replica => new AdmissionService.AdmissionServiceClient(replica.Channel))];
    private int _drawn;

    /// <summary>Until it is cancelled.</summary>
    public async Task RunAsync(IReadOnlyList<string> migrations, CancellationToken cancellation)
    {
        List<Task> calls = [];
        using var beat = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / callsPerSecond), clock);
        try
        {
            for (var number = 0; await beat.WaitForNextTickAsync(cancellation); number++)
            {
                calls.Add(CallAsync(number, migrations, cancellation));
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            await Task.WhenAll(calls);
        }
    }

    public CallFigures Figures() => new(Of("start"), Of("get"), Of("list"), Of("queue"), _failures.Count, _failures.FirstOrDefault());

    private Distribution? Of(string kind) => Distribution.Of(_answered.Where(answer => answer.Kind == kind).Select(answer => answer.Ms));

    private async Task CallAsync(int number, IReadOnlyList<string> migrations, CancellationToken cancellation)
    {
        var (replica, round) = (number % replicas.Count, number / replicas.Count % 8);
        var began = clock.GetTimestamp();
        try
        {
            var kind = round switch
            {
                0 or 4 when _spare.TryDequeue(out var guest) => await StartAsync(replicas[replica], guest, cancellation),
                2 => await ListAsync(replicas[replica], cancellation),
                6 => await QueueAsync(_queues[replica], cancellation),
                _ => await GetAsync(replicas[replica], migrations[Interlocked.Add(ref _drawn, 7919) % migrations.Count], cancellation),
            };
            _answered.Add((kind, clock.GetElapsedTime(began).TotalMilliseconds));
        }
        catch (RpcException failure) when (!cancellation.IsCancellationRequested)
        {
            _failures.Add($"{failure.StatusCode}: {failure.Status.Detail}");
        }
        catch (Exception over) when (over is RpcException or OperationCanceledException)
        {
            // The measurement is over.
        }
    }

    private static async Task<string> StartAsync(ControlPlaneServer replica, BenchGuest guest, CancellationToken cancellation)
    {
        await replica.Migrations.StartMigrationAsync(FleetSeed.Start(guest), cancellationToken: cancellation);
        return "start";
    }

    private static async Task<string> GetAsync(ControlPlaneServer replica, string migrationId, CancellationToken cancellation)
    {
        await replica.Migrations.GetMigrationAsync(new GetMigrationRequest { MigrationId = migrationId }, cancellationToken: cancellation);
        return "get";
    }

    private static async Task<string> ListAsync(ControlPlaneServer replica, CancellationToken cancellation)
    {
        await replica.Migrations.ListMigrationsAsync(new ListMigrationsRequest { PageSize = PageSize }, cancellationToken: cancellation);
        return "list";
    }

    private static async Task<string> QueueAsync(AdmissionService.AdmissionServiceClient replica, CancellationToken cancellation)
    {
        await replica.ListQueueAsync(new ListQueueRequest { PageSize = PageSize }, cancellationToken: cancellation);
        return "queue";
    }
}

/// <summary>Times in ms, as the caller saw them.</summary>
/// <param name="List">Of a page of 100 migrations, and <paramref name="Queue"/> of the queue.</param>
internal sealed record CallFigures(Distribution? Start, Distribution? Get, Distribution? List, Distribution? Queue, int Failed, string? FirstFailure);
