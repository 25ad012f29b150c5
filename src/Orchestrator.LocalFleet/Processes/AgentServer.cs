using Orchestrator.Agent.V1;

namespace Orchestrator.LocalFleet.Processes;

/// <summary>The agent of one host.</summary>
public sealed class AgentServer(FleetPlan fleet, HostPlan plan, TimeProvider clock) : Server(
    plan.HostId,
    "Orchestrator.HostAgent",
    Path.Combine(fleet.Folder, plan.HostId),
    new Uri($"http://{plan.Address}:{FreePort.On(plan.Address)}"),
    clock)
{
    public string HostId => plan.HostId;

    public string RuntimeFolder => Path.Combine(Folder, "run");

    public AgentService.AgentServiceClient Agent => new(Channel);

    protected override IEnumerable<KeyValuePair<string, string>> Settings
    {
        get
        {
            yield return new("Listen:Address", Endpoint.GetLeftPart(UriPartial.Authority));
            yield return new("Agent:HostId", plan.HostId);
            yield return new("Agent:RuntimeFolder", RuntimeFolder);
            yield return new("Agent:MigrationAddress", plan.Address);
            if (plan.QemuProgram is { } program)
            {
                yield return new("Qemu:Program", program);
            }

            foreach (var setting in plan.Settings)
            {
                yield return setting;
            }
        }
    }
}
