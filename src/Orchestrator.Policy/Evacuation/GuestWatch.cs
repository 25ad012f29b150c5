using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Evacuation;

/// <summary>What has become of each guest since the last look.</summary>
internal sealed class GuestWatch
{
    private readonly EvacuationTerms _terms;
    private readonly DateTimeOffset _now;
    private readonly bool _cancelling;
    private readonly Dictionary<string, GuestFacts> _guests;
    private readonly Dictionary<string, FleetHost> _hosts;
    private readonly Dictionary<(string GuestId, int Attempt), MoveReport> _reports;
    private readonly HashSet<string> _out;

    public GuestWatch(EvacuationTerms terms, EvacuationState state, ConductorFacts facts, DateTimeOffset now)
    {
        (_terms, _now, _cancelling) = (terms, now, state.Phase is EvacuationPhase.Cancelling);
        _guests = facts.Fleet.Guests.ToDictionary(guest => guest.GuestId, StringComparer.Ordinal);
        _hosts = facts.Fleet.Fleet.Hosts.ToDictionary(host => host.HostId, StringComparer.Ordinal);
        _reports = facts.Moves.ToDictionary(report => (report.GuestId, report.Attempt));
        _out = state.Hosts.Where(host => host.Phase is HostPhase.Emptying or HostPhase.Empty).Select(host => host.HostId).ToHashSet(StringComparer.Ordinal);
    }

    public List<ConductorAction> Actions { get; } = [];

    public MoveReport? ReportOf(GuestStanding standing) => _reports.GetValueOrDefault((standing.GuestId, standing.Attempts));

    /// <summary>Those that are known, and those that have turned up on hosts that are being emptied.</summary>
    public List<GuestStanding> Look(IReadOnlyList<GuestStanding> standings)
    {
        var known = standings.Select(standing => standing.GuestId).ToHashSet(StringComparer.Ordinal);
        var met = _guests.Values
            .Where(guest => !_cancelling && _out.Contains(guest.HostId) && guest.Activity is not GuestActivity.Stopped && !known.Contains(guest.GuestId))
            .Select(Met);
        return [.. standings.Select(Look).Concat(met).OrderBy(standing => standing.GuestId, StringComparer.Ordinal)];
    }

    private GuestStanding Met(GuestFacts guest) => new()
    {
        GuestId = guest.GuestId,
        HomeHostId = guest.HostId,
        SourceHostId = guest.HostId,
        Phase = IsSkipped(guest.GuestId) ? GuestPhase.Skipped : GuestPhase.Waiting,
        Message = IsSkipped(guest.GuestId) ? "stays as asked" : "waits for its turn",
        Since = _now,
    };

    private GuestStanding Look(GuestStanding standing)
    {
        if (_guests.GetValueOrDefault(standing.GuestId) is not { } guest)
        {
            return standing.Phase is GuestPhase.Gone or GuestPhase.Moved or GuestPhase.Returned
                ? standing : standing.Become(GuestPhase.Gone, "does not exist any more", _now);
        }

        return standing.IsUnderWay ? UnderWay(standing, guest) : AtRest(standing, guest);
    }

    private GuestStanding AtRest(GuestStanding standing, GuestFacts guest)
    {
        var stopped = guest.Activity is GuestActivity.Stopped && !IsBetweenHosts(standing);
        if (!_cancelling && _out.Contains(guest.HostId) && !stopped
            && (standing.Phase is GuestPhase.Gone || guest.HostId != standing.SourceHostId))
        {
            return Met(guest) with { HomeHostId = standing.HomeHostId, Attempts = standing.Attempts, TargetHostId = standing.TargetHostId };
        }

        if (_cancelling)
        {
            return Staying(standing, guest);
        }

        if (standing.Phase is GuestPhase.Moved or GuestPhase.Gone or GuestPhase.Returned)
        {
            return standing;
        }

        return stopped ? standing.Become(GuestPhase.Gone, "has been stopped", _now)
            : guest.HostId.Length > 0 && guest.HostId != standing.SourceHostId
                ? standing.Become(GuestPhase.Gone, $"has been moved to {guest.HostId} by somebody else", _now)
            : standing;
    }

    // Nobody leaves any more: who is at home stays, who is on the way between two hosts of the evacuation has left.
    private GuestStanding Staying(GuestStanding standing, GuestFacts guest) =>
        guest.HostId == standing.HomeHostId && standing.Phase is GuestPhase.BackingOff or GuestPhase.Stuck
            ? standing.Become(GuestPhase.Waiting, "stays: the evacuation has been cancelled", _now)
        : guest.HostId != standing.HomeHostId && standing.Phase is GuestPhase.Waiting
            ? standing.Become(GuestPhase.Moved, $"is on {guest.HostId}", _now)
        : standing;

    // Shut down by us and not yet started elsewhere.
    private bool IsBetweenHosts(GuestStanding standing) =>
        standing.Attempts > 0 && _terms.Of(standing.GuestId).Treatment is GuestTreatment.Restart;

    private GuestStanding UnderWay(GuestStanding standing, GuestFacts guest)
    {
        var report = ReportOf(standing);
        switch (report?.Progress)
        {
            case MoveProgress.Completed:
                return Arrived(standing);
            case MoveProgress.Failed:
                return Failed(standing, guest, report.Message);
            case MoveProgress.Cancelled:
                return standing.Recalled || _cancelling
                    ? Resting(standing, guest, "its move has been taken back")
                    : Failed(standing, guest, "somebody has cancelled its migration");
            case MoveProgress.NeedsAttention:
                return standing.Become(GuestPhase.Failed, $"needs attention: {report.Message}", _now);
            case MoveProgress.Finishing:
                return standing;
            case MoveProgress.Queued or MoveProgress.Preparing or MoveProgress.Prepared or MoveProgress.Transferring:
                return Going(standing, report);
            case null when _terms.Of(standing.GuestId).Treatment is GuestTreatment.Restart:
                return Restarting(standing, guest);
            case null when guest.HostId == standing.TargetHostId:
                return Arrived(standing);
            case null when guest.Activity is GuestActivity.Stopped:
                return standing.Become(GuestPhase.Gone, "has been stopped", _now);
            // Also when all is being cancelled: whether it was asked for is not known, and only what exists can be taken back.
            default:
                Repeat(standing, guest);
                return standing;
        }
    }

    private void Repeat(GuestStanding standing, GuestFacts guest) => Actions.Add(new ConductorAction.Begin(
        standing.GuestId,
        standing.Attempts,
        guest.HostId,
        standing.TargetHostId ?? "",
        standing.Policy ?? _terms.Policy,
        _terms.Of(standing.GuestId).MaxDowntime ?? _terms.MaxDowntime));

    private GuestStanding Going(GuestStanding standing, MoveReport report)
    {
        var taken = standing.Phase is GuestPhase.Moving && _cancelling ? "the evacuation is being cancelled" : null;
        if (taken is null && report.Progress is MoveProgress.Queued && !standing.Recalled && TargetLost(standing) is { } why)
        {
            (taken, standing) = (why, standing with { Recalled = true, Message = why });
        }

        if ((taken is not null || standing.Recalled) && !report.CancelAsked)
        {
            Actions.Add(new ConductorAction.CancelMove(standing.GuestId, standing.Attempts, taken ?? standing.Message));
        }

        return standing;
    }

    private string? TargetLost(GuestStanding standing) =>
        standing.Phase is GuestPhase.Returning || standing.TargetHostId is not { } target ? null
        : !_hosts.TryGetValue(target, out var host) ? $"{target} does not exist any more"
        : _out.Contains(target) ? $"{target} is being emptied"
        : host.Cordoned ? $"{target} is cordoned"
        : host.Condition is HostCondition.Lost or HostCondition.Dead ? $"{target} is gone"
        : null;

    private GuestStanding Restarting(GuestStanding standing, GuestFacts guest)
    {
        if (guest.HostId == standing.TargetHostId)
        {
            return guest.Activity is GuestActivity.Stopped ? standing : Arrived(standing);
        }

        Actions.Add(guest.Activity is GuestActivity.Stopped
            ? new ConductorAction.StartElsewhere(standing.GuestId, standing.Attempts, standing.TargetHostId ?? "")
            : new ConductorAction.Stop(standing.GuestId, standing.Attempts));
        return standing;
    }

    private GuestStanding Arrived(GuestStanding standing)
    {
        var (phase, where) = standing.Phase is GuestPhase.Returning
            ? (GuestPhase.Returned, $"is back on {standing.TargetHostId}") : (GuestPhase.Moved, $"is on {standing.TargetHostId}");
        return standing.Become(phase, where, _now) with { Failures = 0, FailedTarget = null };
    }

    private GuestStanding Failed(GuestStanding standing, GuestFacts guest, string why)
    {
        var failed = standing with { Failures = standing.Failures + 1, FailedTarget = standing.TargetHostId };
        if (_cancelling && standing.Phase is GuestPhase.Moving)
        {
            return Resting(failed, guest, why);
        }

        if (failed.Failures >= RetryLadder.MaxAttempts(_terms, standing.GuestId))
        {
            return failed.Become(
                GuestPhase.Failed, FormattableString.Invariant($"given up after {failed.Failures} attempts; the last one: {why}"), _now);
        }

        return failed.Become(GuestPhase.BackingOff, why, _now) with
        {
            NextAttemptAt = _now + RetryLadder.Backoff(_terms, standing.GuestId, failed.Failures),
        };
    }

    private GuestStanding Resting(GuestStanding standing, GuestFacts guest, string message) =>
        guest.HostId == standing.SourceHostId
            ? standing.Become(GuestPhase.Waiting, message, _now)
            : standing.Become(GuestPhase.Moved, message, _now);

    private bool IsSkipped(string guestId) => _terms.Of(guestId).Treatment is GuestTreatment.Skip;
}
