using Orchestrator.Bench.Measuring;
using Orchestrator.Bench.Placement;

namespace Orchestrator.Bench.Fleet;

/// <summary>One number of replicas after the other, each on a new database.</summary>
internal sealed class FleetRun(FleetOptions options, Action<string> say, TimeProvider clock)
{
    private const int Choices = 2000;

    // More of those that it draws leave too little room for a choice on the hosts that are left.
    private const int GuestsPerHost = 20;

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
            new PlacementOptions
            {
                Hosts = options.Hosts,
                Guests = Math.Min(options.Guests, GuestsPerHost * options.Hosts),
                Place = options.Place,
                Choices = Choices,
                Seed = options.Seed,
            },
            clock)
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
