using System.Diagnostics;
using Orchestrator.V1;

namespace Orchestrator.LocalFleet.Processes;

/// <summary>Postgres, the control plane and agents on this machine. Disposing it stops all of them and every guest they run.</summary>
public sealed class Fleet : IAsyncDisposable
{
    private Fleet(FleetPlan plan, TimeProvider clock)
    {
        Plan = plan;
        Database = plan.Replicas > 1 ? new DatabaseServer(Path.Combine(plan.Folder, "db"), clock) : null;
        ControlPlanes = [.. Enumerable.Range(1, plan.Replicas).Select(number => new ControlPlaneServer(plan, number, Database, clock))];
        Agents = [.. plan.Hosts.Select(host => new AgentServer(plan, host, clock))];
    }

    public FleetPlan Plan { get; }

    /// <summary>Null when the control plane has its own.</summary>
    public DatabaseServer? Database { get; }

    /// <summary>The first replica.</summary>
    public ControlPlaneServer ControlPlane => ControlPlanes[0];

    public IReadOnlyList<ControlPlaneServer> ControlPlanes { get; }

    public IReadOnlyList<AgentServer> Agents { get; }

    /// <param name="say">Told what is being started, one line a step.</param>
    public static async Task<Fleet> StartAsync(FleetPlan plan, Action<string> say, TimeProvider clock, CancellationToken cancellation)
    {
        Directory.CreateDirectory(plan.Folder);
        var fleet = new Fleet(plan, clock);
        try
        {
            say(fleet.Database is null ? "Starting Postgres and the control plane" : "Starting Postgres");
            await (fleet.Database?.StartAsync(cancellation) ?? Task.CompletedTask);
            foreach (var replica in fleet.ControlPlanes)
            {
                if (fleet.Database is not null)
                {
                    say($"Starting a replica of the control plane at {replica.Endpoint}");
                }

                await replica.StartAsync(cancellation);
            }

            foreach (var agent in fleet.Agents)
            {
                say($"Starting the agent of {agent.HostId} at {agent.Endpoint.Host}");
                await agent.StartAsync(cancellation);
                await fleet.ControlPlane.Hosts.RegisterHostAsync(
                    new RegisterHostRequest { HostId = agent.HostId, AgentEndpoint = agent.Endpoint.GetLeftPart(UriPartial.Authority) },
                    cancellationToken: cancellation);
            }

            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    public AgentServer Agent(string hostId) => Agents.First(agent => agent.HostId == hostId);

    /// <summary>
    /// The processes of guests, found by their command lines: every engine of this fleet names a path below its folder.
    /// </summary>
    public IReadOnlyList<int> GuestProcesses() =>
    [
        .. Process.GetProcesses().Select(process => process.Id).Where(id =>
        {
            try
            {
                var command = File.ReadAllText($"/proc/{id}/cmdline");
                return command.Contains("qemu", StringComparison.Ordinal) && command.Contains(Plan.Folder + "/", StringComparison.Ordinal);
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }),
    ];

    public async ValueTask DisposeAsync()
    {
        // Guests outlive their agents by design, so they are ended here, agents first: an agent would report each as a crash.
        foreach (var agent in Agents)
        {
            await agent.DisposeAsync();
        }

        foreach (var id in GuestProcesses())
        {
            try
            {
                Process.GetProcessById(id).Kill();
            }
            catch (Exception gone) when (gone is ArgumentException or InvalidOperationException)
            {
                // Ended by itself meanwhile.
            }
        }

        foreach (var replica in ControlPlanes)
        {
            await replica.DisposeAsync();
        }

        await (Database?.DisposeAsync() ?? ValueTask.CompletedTask);
    }
}
