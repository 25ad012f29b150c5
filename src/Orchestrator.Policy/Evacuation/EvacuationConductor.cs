namespace Orchestrator.Policy.Evacuation;

/// <summary>
/// Decides what an evacuation under way does next. Pure: the same terms, state, facts and time give the same step. It keeps no plan: every
/// step chooses anew from what is left and from what there is, by the same rules as <see cref="EvacuationPlanner"/>, so that failures, slow
/// guests and changed capacity need no case of their own.
/// </summary>
public static class EvacuationConductor
{
    // Longer than this many times what a transfer takes alone, and nothing waits for it any more.
    private const double SlowFactor = 2.5;
    private static readonly TimeSpan s_slowGrace = TimeSpan.FromSeconds(10);

    public static EvacuationState Start(EvacuationTerms terms) => new()
    {
        Phase = EvacuationPhase.Running,
        Guests = [],
        Hosts = [.. terms.HostIds.Select(host => new HostStanding(host, HostPhase.Waiting, WasCordoned: false, Cordoned: false))],
    };

    /// <returns>What to store, and what to do after it has been stored. Actions that were lost are given again by the next step.</returns>
    public static ConductorStep Next(EvacuationTerms terms, EvacuationState state, ConductorFacts facts, DateTimeOffset now)
    {
        if (state.HasEnded)
        {
            return new(state, []);
        }

        // Hosts first: a guest on a host whose turn has just come is met in the same step.
        var hosts = HostTurns.Look(terms, state.Hosts, state.Guests, facts.Fleet, state.Phase is EvacuationPhase.Running);
        var watch = new GuestWatch(terms, state with { Hosts = hosts }, facts, now);
        var guests = watch.Look(state.Guests);
        hosts = HostTurns.Look(terms, hosts, guests, facts.Fleet, mayBegin: false);
        var seen = state with { Hosts = hosts, Guests = guests };
        var actions = new List<ConductorAction>(Cordons(seen, facts.Fleet));
        actions.AddRange(watch.Actions);
        if (seen.Phase is EvacuationPhase.Paused)
        {
            return new(seen, actions);
        }

        var begun = BeginWhatMay(terms, seen, facts, now, actions);
        return new(Ended(terms, begun, now), actions);
    }

    /// <summary>The plan for what is left, with the guests that will be late by it.</summary>
    public static EvacuationPlan Outlook(EvacuationTerms terms, EvacuationState state, ConductorFacts facts, DateTimeOffset now)
    {
        // Those that back off, and hosts whose turn has not come, are counted as if they could go at once.
        var view = new Moment(terms, state, facts);
        var wishes = view.Wishes(standing => standing.Phase is GuestPhase.Waiting or GuestPhase.Stuck or GuestPhase.BackingOff);
        var met = state.Guests.Select(guest => guest.GuestId).ToHashSet(StringComparer.Ordinal);
        var waiting = state.Hosts.Where(host => host.Phase is HostPhase.Waiting).Select(host => host.HostId).ToHashSet(StringComparer.Ordinal);
        wishes.AddRange(facts.Fleet.Guests
            .Where(guest => waiting.Contains(guest.HostId) && !met.Contains(guest.GuestId) && guest.Activity is not GuestActivity.Stopped
                && terms.Of(guest.GuestId).Treatment is not GuestTreatment.Skip)
            .Select(guest => EvacuationPlanner.Wish(terms, guest)));
        var plan = EvacuationPlanner.Rest(terms, view.Fleet, state.HasEnded ? [] : wishes, view.Begun, now);
        return plan with
        {
            SkippedGuestIds = [.. state.Guests.Where(guest => guest.Phase is GuestPhase.Skipped).Select(guest => guest.GuestId)],
        };
    }

    /// <summary>No further guest is begun.</summary>
    public static EvacuationState Pause(EvacuationState state) =>
        state.Phase is EvacuationPhase.Running ? state with { Phase = EvacuationPhase.Paused, QuietSince = null } : state;

    public static EvacuationState Resume(EvacuationState state) =>
        state.Phase is EvacuationPhase.Paused ? state with { Phase = EvacuationPhase.Running } : state;

    public static EvacuationState Cancel(EvacuationState state, EvacuationCancelMode mode) =>
        state.Phase is EvacuationPhase.Running or EvacuationPhase.Paused
            ? state with { Phase = EvacuationPhase.Cancelling, CancelMode = mode, QuietSince = null }
            : state;

    private static IEnumerable<ConductorAction> Cordons(EvacuationState state, FleetFacts fleet)
    {
        var cordoned = fleet.Fleet.Hosts.Where(host => host.Cordoned).Select(host => host.HostId).ToHashSet(StringComparer.Ordinal);
        return state.Phase is not EvacuationPhase.Cancelling
            ? state.Hosts.Where(host => host is { Phase: HostPhase.Emptying, Cordoned: false }).Select(host => new ConductorAction.Cordon(host.HostId))
            : state.CancelMode is not EvacuationCancelMode.BringBack
                ? []
                : state.Hosts
                    .Where(host => host.Phase is HostPhase.Emptying or HostPhase.Empty && !host.WasCordoned && cordoned.Contains(host.HostId))
                    .Select(host => new ConductorAction.Uncordon(host.HostId));
    }

    private static EvacuationState BeginWhatMay(
        EvacuationTerms terms, EvacuationState state, ConductorFacts facts, DateTimeOffset now, List<ConductorAction> actions)
    {
        var view = new Moment(terms, state, facts);

        // Those that back off are given their room too, or others would take it meanwhile.
        var wishes = view.Wishes(standing => view.MayGo(standing, DateTimeOffset.MaxValue));
        var later = state.Guests.Where(standing => !view.MayGo(standing, now)).Select(standing => standing.GuestId).ToHashSet(StringComparer.Ordinal);
        var assignment = TargetAssignment.Of(view.Fleet, wishes, view.Begun);
        var stuck = assignment.Stuck.ToDictionary(guest => guest.GuestId, guest => guest.Message, StringComparer.Ordinal);
        var links = new Links(view.Fleet);
        var next = new NextMoves(view.Fleet, links, view.Begun, view.Rates(links));
        Dictionary<string, AssignedMove> begun = new(StringComparer.Ordinal);
        foreach (var move in NextMoves.InOrder(view.Fleet, links, assignment.Moves)
            .Where(move => !later.Contains(move.Guest.GuestId) && next.CanBegin(move)))
        {
            next.Begin(move);
            begun[move.Guest.GuestId] = move;
        }

        var wished = wishes.Select(wish => wish.Guest.GuestId).ToHashSet(StringComparer.Ordinal);
        return state with
        {
            Guests =
            [
                .. state.Guests.Select(standing =>
                    later.Contains(standing.GuestId) ? standing
                    : begun.TryGetValue(standing.GuestId, out var move) ? Begun(standing, move)
                    : stuck.TryGetValue(standing.GuestId, out var why) ? standing.Become(GuestPhase.Stuck, why, now)
                    : wished.Contains(standing.GuestId) && standing.Phase is GuestPhase.Stuck or GuestPhase.BackingOff && view.IsLeaving
                        ? standing.Become(GuestPhase.Waiting, "waits for its turn", now)
                    : standing),
            ],
        };

        GuestStanding Begun(GuestStanding standing, AssignedMove move)
        {
            var going = standing.Become(
                view.IsLeaving ? GuestPhase.Moving : GuestPhase.Returning,
                FormattableString.Invariant($"on its way to {move.Target}, attempt {standing.Failures + 1}"),
                now) with
            {
                SourceHostId = view.IsLeaving ? standing.SourceHostId : move.Source,
                TargetHostId = move.Target,
                Attempts = standing.Attempts + 1,
                Policy = move.Wish.Policy,
            };
            actions.Add(move.Wish.Treatment is not GuestTreatment.Restart
                ? new ConductorAction.Begin(
                    going.GuestId, going.Attempts, move.Source, move.Target, move.Wish.Policy,
                    terms.Of(going.GuestId).MaxDowntime ?? terms.MaxDowntime)
                : move.Guest.Activity is GuestActivity.Stopped
                    ? new ConductorAction.StartElsewhere(going.GuestId, going.Attempts, move.Target)
                    : new ConductorAction.Stop(going.GuestId, going.Attempts));
            return going;
        }
    }

    private static EvacuationState Ended(EvacuationTerms terms, EvacuationState state, DateTimeOffset now)
    {
        var cancelling = state.Phase is EvacuationPhase.Cancelling;
        var busy = cancelling
            ? state.Guests.Any(guest => guest.IsUnderWay
                || (state.CancelMode is EvacuationCancelMode.BringBack && guest.Phase is GuestPhase.BackingOff && IsAway(guest))
                || IsToGoBack(state, guest))
            : state.Hosts.Any(host => host.Phase is HostPhase.Waiting || host is { Phase: HostPhase.Emptying, Cordoned: false })
                || state.Guests.Any(guest => guest.Phase is GuestPhase.Waiting or GuestPhase.Moving or GuestPhase.BackingOff);
        if (busy)
        {
            return state with { QuietSince = null };
        }

        var stuck = state.Guests.Any(guest => guest.Phase is GuestPhase.Stuck && (!cancelling || IsAway(guest)));
        var patience = Later((state.QuietSince ?? now) + terms.StuckPatience, cancelling ? null : terms.Deadline);
        if (stuck && now < patience)
        {
            return state with { QuietSince = state.QuietSince ?? now };
        }

        return state with
        {
            QuietSince = null,
            Phase = cancelling ? EvacuationPhase.Cancelled
                : stuck || state.Guests.Any(guest => guest.Phase is GuestPhase.Failed) ? EvacuationPhase.Incomplete
                : EvacuationPhase.Completed,
        };
    }

    internal static bool IsToGoBack(EvacuationState state, GuestStanding guest) =>
        state.CancelMode is EvacuationCancelMode.BringBack
        && guest.Phase is GuestPhase.Moved
        && IsAway(guest)
        && state.Hosts.Any(host => host.HostId == guest.HomeHostId && !host.WasCordoned);

    private static bool IsAway(GuestStanding guest) => guest.TargetHostId is not null && guest.TargetHostId != guest.HomeHostId
        && guest.Phase is not GuestPhase.Waiting;

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset? other) => other is { } set && set > one ? set : one;

    internal static bool IsSlow(MoveReport report, MoveForecast forecast, double full) =>
        report.TransferringFor.TotalSeconds > (SlowFactor * forecast.Bytes.Bytes / full) + s_slowGrace.TotalSeconds;
}
