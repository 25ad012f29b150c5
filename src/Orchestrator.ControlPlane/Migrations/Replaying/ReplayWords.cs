using Google.Protobuf.WellKnownTypes;
using Orchestrator.Policy.Convergence.Replay;
using Orchestrator.PolicyMessages;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Replaying;

/// <summary>Words what a replay came to.</summary>
internal static class ReplayWords
{
    public static ReplayMigrationResponse Answer(ReplayOutcome outcome, IEnumerable<Decision> recorded, ReplayedPolicy policy)
    {
        var known = recorded.ToDictionary(decision => (int)decision.Sequence);
        var answer = new ReplayMigrationResponse
        {
            Steps = { outcome.Steps.Select(step => Step(step, known, policy)) },
            Readings = (uint)outcome.Readings,
            ReadingsMissing = (uint)outcome.Missing,
            Policy = policy.Name,
            Revision = (uint)policy.Revision,
        };
        if (outcome.PartsAt is { } parts)
        {
            answer.PartsAtStep = (uint)parts;
        }

        return answer;
    }

    private static ReplayedStep Step(ReplayStep step, Dictionary<int, Decision> known, ReplayedPolicy policy)
    {
        var recorded = step.Recorded is { } decided ? known[decided.Sequence] : null;
        var replayed = step is { Replayed: { } answer, On: { } on } ? Word(DecisionMessage.Of(answer, on.Reading), policy) : null;

        // What others than the policy decided holds in both.
        var imposed = step.On is null && !(recorded?.Action is DecisionAction.SwitchPolicy && !policy.FollowsSwitches);
        return new ReplayedStep
        {
            ReadingSequence = (ulong)(step.On?.Reading.Sequence ?? step.Recorded?.ReadingSequence ?? 0),
            Elapsed = (step.On?.Reading.Elapsed ?? step.Recorded?.Elapsed ?? TimeSpan.Zero).ToDuration(),
            Recorded = recorded,
            Replayed = replayed ?? (imposed ? recorded : null),
            Same = step.Same,
        };
    }

    private static Decision Word(Decision decision, ReplayedPolicy policy)
    {
        decision.Origin = DecisionOrigin.Policy;
        decision.Policy = policy.Name;
        decision.PolicyRevision = (uint)policy.Revision;
        return decision;
    }
}
