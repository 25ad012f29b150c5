using Orchestrator.HostAgent.Guests;
using Orchestrator.HostAgent.Host;
using Orchestrator.HostAgent.Migrations;

namespace Orchestrator.HostAgent;

/// <summary>
/// Opens the agent before it serves: its folder is its own, guests and sessions of an agent before are found. At the end lets go of all of
/// them; none is touched.
/// </summary>
internal sealed class AgentStartup(
    AgentSettings settings, EngineCatalog engines, GuestRegistry guests, SessionRegistry sessions) : IHostedService
{
    private FileStream? _lock;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _lock = Own(Path.Combine(settings.RuntimeFolder, "agent.lock"));
        guests.Discover();
        sessions.Open();
        await engines.OpenAsync(cancellationToken);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await sessions.DisposeAsync();
        await guests.DisposeAsync();
        if (_lock is not null)
        {
            await _lock.DisposeAsync();
        }
    }

    private FileStream Own(string path)
    {
        try
        {
            Directory.CreateDirectory(settings.RuntimeFolder);
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new AgentStartException(
                $"Agent:RuntimeFolder {settings.RuntimeFolder} is in use by another agent or cannot be written: {refused.Message}");
        }
    }
}

/// <summary>The agent cannot start, for a reason that an operator can mend. The message says which.</summary>
internal sealed class AgentStartException(string message) : Exception(message);
