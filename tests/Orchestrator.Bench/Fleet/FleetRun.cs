using Orchestrator.Bench.Measuring;
using Orchestrator.Bench.Placement;

namespace Orchestrator.Bench.Fleet;

/// <summary>One number of replicas after the other, each on a new database.</summary>
internal sealed class FleetRun(FleetOptions options, Action<string> say, TimeProvider clock)
{
    private const int Choices = 2000;

    public async Task<FleetResult> RunAsync(string folder, CancellationToken cancellation)
    {
        List<StageResult> stages = [];
        var postgres = "";
        for (var replicas = 1; replicas <= options.Replicas; replicas++)
        {
            (var stage, postgres) = await new FleetStage(options, replicas, say, clock).RunAsync(Path.Combine(folder, $"r{replicas}"), cancellation);
            stages.Add(stage);
        }

        say($"placing {options.Place} guests");
        var placement = await new PlacementRun(
            new PlacementOptions { Hosts = options.Hosts, Guests = options.Guests, Place = options.Place, Choices = Choices, Seed = options.Seed }, clock)
            .RunAsync(cancellation);
        return new FleetResult
        {
            Options = options,
            Machine = await Machine.DescribeAsync(postgres, cancellation),
            Stages = stages,
            Placement = placement,
        };
    }
}
