using System.CommandLine;
using Orchestrator.Bench.ControlLoop;
using Orchestrator.Bench.Evacuation;
using Orchestrator.Bench.Fleet;
using Orchestrator.Bench.Placement;

var root = new RootCommand("Measures the product under load.")
{
    ControlLoopCommand.Create(), PlacementCommand.Create(), EvacuationCommand.Create(), FleetCommand.Create(),
};
var configuration = new InvocationConfiguration
{
    // Ctrl-C cancels; the control plane and its database are stopped in order then, which takes its time.
    ProcessTerminationTimeout = TimeSpan.FromMinutes(1),
};
return await root.Parse(args).InvokeAsync(configuration);
