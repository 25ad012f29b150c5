using System.Diagnostics;

namespace Orchestrator.Policy.Convergence.Replay;

/// <summary>
/// Asks the policy about the readings of a recorded copy, as whoever commanded it did then. Under the terms that it ran under the answers
/// are those of the record. Under others they part somewhere, and from there on the readings are those of another history.
/// </summary>
public static class ReplayPolicy
{
    public static ReplayOutcome Run(ConvergenceTerms terms, Recording recording)
    {
        var order = new RecordingOrder(recording);
        var walk = new Walk(terms, recording.Commands);
        walk.Adopt(order.After(-1), null);
        for (var index = 0; index < order.Readings.Count && !walk.IsOver; index++)
        {
            var reading = order.Readings[index];
            walk.Enter(reading);
            walk.Adopt(order.Before(index), reading);
            walk.Ask(reading, order.On(index));
            walk.Adopt(order.After(index), null);
        }

        walk.Adopt(order.Before(order.Readings.Count), null);
        return new ReplayOutcome(walk.Steps, walk.Asked, order.Missing());
    }

    private sealed class Walk(ConvergenceTerms terms, IReadOnlyList<RecordedCommand> commands)
    {
        private ConvergenceTerms _terms = terms;
        private ConvergenceState _state = ConvergenceState.Start(terms);
        private ConvergenceState _saved = ConvergenceState.Start(terms);
        private long? _epoch;

        public List<ReplayStep> Steps { get; } = [];

        public int Asked { get; private set; }

        /// <summary>The replayed policy has ended what the recorded one went on with.</summary>
        public bool IsOver { get; private set; }

        /// <summary>Somebody new goes on from what was saved; an agent that restarted counts its reports anew.</summary>
        public void Enter(RecordedReading reading)
        {
            if (_epoch is { } before && before != reading.Epoch)
            {
                _state = _saved;
            }

            _epoch = reading.Epoch;
            if (reading.Use is not ReadingUse.Recorded && reading.Reading.Sequence <= _state.LastSequence)
            {
                _state = _state with { LastSequence = null };
            }
        }

        /// <summary>What the policy did not decide itself holds whatever policy there is.</summary>
        /// <param name="heard">The reading of the report that told of it; null when it was no report.</param>
        public void Adopt(IEnumerable<RecordedDecision> decisions, RecordedReading? heard)
        {
            foreach (var decision in IsOver ? [] : decisions)
            {
                _state = decision.By switch
                {
                    DecidedBy.Agent => AfterAgent(decision, heard),
                    DecidedBy.Policy => UnattendedPolicy.After(_terms, _state, decision.Decision, decision.Elapsed),
                    DecidedBy.Outsider => AfterOutsider(decision),
                };
                _saved = _state;
                Steps.Add(new ReplayStep(null, decision, null, Same: true));
            }
        }

        public void Ask(RecordedReading reading, RecordedDecision? recorded)
        {
            if (reading.Use is ReadingUse.Recorded)
            {
                return;
            }

            Asked++;
            var state = Refusals.Retract(_terms, _state, reading.Reading, act => RefusedSince(act, reading.At));
            var step = ConvergencePolicy.Step(_terms, state, reading.Reading);
            if (step.Decision is not ConvergenceDecision.Wait && reading.Use is ReadingUse.Waited)
            {
                return;
            }

            _state = step.State;
            var replayed = step.Decision is ConvergenceDecision.Wait ? null : step;
            if (recorded is not null || replayed is not null)
            {
                var same = Same(recorded?.Decision, replayed?.Decision);
                Steps.Add(new ReplayStep(reading, recorded, replayed, same));
                IsOver = !same && replayed?.Decision is ConvergenceDecision.StartPostCopy or ConvergenceDecision.Abort;
            }

            // Saved with every decision, and when a round begins.
            if (replayed is not null || _state.Round != _saved.Round)
            {
                _saved = _state;
            }
        }

        private ConvergenceState AfterAgent(RecordedDecision decision, RecordedReading? heard)
        {
            var state = decision.Applied ? UnattendedPolicy.After(_terms, _state, decision.Decision, decision.Elapsed) : _state;
            return heard?.Reading.DowntimeLimit is { Ticks: > 0 } limit ? state.WithLimit(limit) : state;
        }

        private ConvergenceState AfterOutsider(RecordedDecision decision)
        {
            if (decision.SwitchTo is { } switched)
            {
                _terms = switched;
                return ConvergencePolicy.SwitchDocument(switched, _state, decision.Elapsed);
            }

            return decision.Decision switch
            {
                ConvergenceDecision.SetDowntimeLimit(var limit, _) => _state.WithLimit(limit),
                ConvergenceDecision.Pause(var longest) => _state.WithPause(decision.Elapsed, longest),
                ConvergenceDecision.StartPostCopy or ConvergenceDecision.Abort => _state.WithCommitted(),
                ConvergenceDecision.Wait or ConvergenceDecision.StartThrottle or ConvergenceDecision.Resume => _state,
                _ => throw new UnreachableException($"No arm for {decision.Decision}."),
            };
        }

        private TimeSpan? RefusedSince(RefusableAct act, DateTimeOffset at) =>
            commands.LastOrDefault(command => command.Act == act && command.IntendedAt < at)?.RefusedAt is { } refused ? at - refused : null;
    }

    /// <summary>The same is done to the engine. The record does not keep where a throttle begins and how it rises.</summary>
    private static bool Same(ConvergenceDecision? recorded, ConvergenceDecision? replayed) => (recorded, replayed) switch
    {
        (null, null) => true,
        (ConvergenceDecision.SetDowntimeLimit one, ConvergenceDecision.SetDowntimeLimit other) =>
            Microseconds(one.Limit) == Microseconds(other.Limit)
            && (one.SwitchOver?.BytesPerSecond ?? 0) == (other.SwitchOver?.BytesPerSecond ?? 0),
        (ConvergenceDecision.StartThrottle one, ConvergenceDecision.StartThrottle other) => one.MaxPercent == other.MaxPercent,
        (ConvergenceDecision.Pause one, ConvergenceDecision.Pause other) => Microseconds(one.MaxPause) == Microseconds(other.MaxPause),
        (ConvergenceDecision.StartPostCopy, ConvergenceDecision.StartPostCopy)
            or (ConvergenceDecision.Resume, ConvergenceDecision.Resume)
            or (ConvergenceDecision.Abort, ConvergenceDecision.Abort) => true,
        _ => false,
    };

    private static long Microseconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;
}
