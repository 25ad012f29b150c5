using System.Collections.Concurrent;
using Orchestrator.ControlPlane.Schedules;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Schedules;

/// <summary>Evacuations as far as schedules see them, in the test's hands.</summary>
internal sealed class PlayedEvacuations
{
    public ConcurrentQueue<string> Calls { get; } = new();

    public ConcurrentDictionary<Guid, bool> GoOn { get; } = new();

    /// <summary>Runs before one is started; throws as a replica that dies there.</summary>
    public Func<Task> OnStart { get; set; } = () => Task.CompletedTask;

    public IEnumerable<string> Starts => Calls.Where(call => call.StartsWith("start", StringComparison.Ordinal));

    public EvacuationPort Port => new()
    {
        StartAsync = async (id, _, by, _) =>
        {
            await OnStart();
            Calls.Enqueue($"start {id} {by}");
            GoOn[id] = true;
            return new WorkAnswer(FiringOutcome.Started, "") { EvacuationId = id };
        },
        GoesOnAsync = (id, _) => Task.FromResult(GoOn.GetValueOrDefault(id)),
        PauseAsync = (id, why, _) =>
        {
            Calls.Enqueue($"pause {id} {why}");
            return Task.CompletedTask;
        },
        ResumeAsync = (id, _) =>
        {
            Calls.Enqueue($"resume {id}");
            return Task.CompletedTask;
        },
    };
}
