using Google.Protobuf.WellKnownTypes;
using Orchestrator.Plant.Description;
using Orchestrator.Plant.Management;
using Orchestrator.Policy.Convergence;
using Orchestrator.PolicyMessages;
using Orchestrator.V1;
using SimulatedPlay = Orchestrator.Plant.Management.SimulatedRun;
using SimulatedRun = Orchestrator.V1.SimulatedRun;

namespace Orchestrator.ControlPlane.Policies;

/// <summary>
/// Runs policies in the model of the engine. It takes a processor while it lasts, at most some seconds, so only a few run at once and the
/// others wait; they never take all that commanding migrations needs.
/// </summary>
internal sealed class PolicySimulation : IDisposable
{
    private const int MostReadings = 1000;
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(6);

    private readonly SemaphoreSlim _places = new(Math.Max(1, Environment.ProcessorCount / 4));

    public async Task<SimulatedRun> RunAsync(ConvergenceDocument document, MigrationDescription migration, CancellationToken cancellation)
    {
        await _places.WaitAsync(cancellation);
        try
        {
            return await Task.Run(() => Run(document, migration, cancellation), cancellation);
        }
        finally
        {
            _places.Release();
        }
    }

    public void Dispose() => _places.Dispose();

    private static SimulatedRun Run(ConvergenceDocument document, MigrationDescription migration, CancellationToken cancellation)
    {
        var readings = new SpreadOut<Reading>(MostReadings);
        var management = new PolicyManagement(document) { Judged = (reading, state) => readings.Add(Word(reading, state)) };
        var cut = migration.Deadline * SimulatedPlay.CutAtDeadlines;
        var result = SimulatedPlay.PlayUntil(migration, management, cut < s_longest ? cut : s_longest, watch: null, cancellation);
        return new SimulatedRun
        {
            End = End(result.End),
            TotalTime = result.TotalTime.ToDuration(),
            Downtime = result.Outage?.ToDuration(),
            Paused = result.Outage is null ? null : result.Paused.ToDuration(),
            BytesTransferred = (ulong)result.Bytes,
            Passes = (uint)result.Passes,
            SlowDown = result.SlowDown.ToDuration(),
            PostCopyUsed = result.PostCopyUsed,
            Decisions = { management.Taken.Select(Word) },
            Readings = { readings.Kept },
        };
    }

    private static Decision Word(TakenStep taken, int index)
    {
        var decision = DecisionMessage.Of(taken.Step, taken.Reading);
        decision.Sequence = (uint)index + 1;
        decision.Origin = DecisionOrigin.Policy;
        decision.Outcome = DecisionOutcome.Applied;
        return decision;
    }

    private static Reading Word(ConvergenceReading reading, ConvergenceState state)
    {
        var message = ReadingMessage.Of(reading);
        message.Round = (uint)state.Round;
        message.Use = ReadingUse.Judged;
        return message;
    }

    private static SimulatedEnd End(RunEnd end) => end switch
    {
        RunEnd.WithinTerms => SimulatedEnd.WithinTerms,
        RunEnd.OverBudget => SimulatedEnd.OverBudget,
        RunEnd.TooLate => SimulatedEnd.TooLate,
        RunEnd.NotPermitted => SimulatedEnd.NotPermitted,
        RunEnd.GivenUp => SimulatedEnd.GivenUp,
        RunEnd.Never => SimulatedEnd.Never,
    };

    /// <summary>At most so many of a row of unknown length, evenly spread: when it is full every second one goes.</summary>
    private sealed class SpreadOut<T>(int most)
    {
        private readonly List<T> _kept = [];
        private long _step = 1;
        private long _seen;

        public IReadOnlyList<T> Kept => _kept;

        public void Add(T item)
        {
            if (_seen++ % _step != 0)
            {
                return;
            }

            _kept.Add(item);
            if (_kept.Count < most)
            {
                return;
            }

            for (var index = 0; 2 * index < _kept.Count; index++)
            {
                _kept[index] = _kept[2 * index];
            }

            _kept.RemoveRange((_kept.Count + 1) / 2, _kept.Count / 2);
            _step *= 2;
        }
    }
}
