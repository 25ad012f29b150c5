using System.CommandLine;
using Orchestrator.LocalFleet.Demo;
using Orchestrator.LocalFleet.Serve;

var root = new RootCommand("A whole fleet on one machine.") { DemoCommand.Create(), ServeCommand.Create() };
var configuration = new InvocationConfiguration
{
    // Ctrl-C cancels; guests and servers are stopped in order then, which takes its time.
    ProcessTerminationTimeout = TimeSpan.FromMinutes(1),
};
return await root.Parse(args).InvokeAsync(configuration);
