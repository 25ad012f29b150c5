using Microsoft.AspNetCore.Connections;
using Orchestrator.HostAgent;

var builder = WebApplication.CreateSlimBuilder(args);
if (AgentSettings.Read(builder.Configuration, out var problems) is not { } settings)
{
    foreach (var problem in problems)
    {
        await Console.Error.WriteLineAsync(problem);
    }

    return 2;
}

try
{
    await AgentSetup.Build(builder, settings).RunAsync();
    return 0;
}
catch (AgentStartException cannot)
{
    await Console.Error.WriteLineAsync(cannot.Message);
    return 1;
}
catch (IOException cannot) when (cannot.InnerException is AddressInUseException)
{
    await Console.Error.WriteLineAsync($"Listen:Address cannot be listened on: {cannot.Message}");
    return 1;
}
