namespace Orchestrator.Cli.Refusals;

/// <summary>What a person does about a refusal; the reasons are those of the error enums in proto/orchestrator/v1.</summary>
internal static class Advice
{
    private static readonly Dictionary<string, string> s_byReason = new(StringComparer.Ordinal)
    {
        ["HOST_UNKNOWN"] = "see which hosts there are: migctl hosts list",
        ["HOST_EXISTS"] = "choose another id, or remove the old host first: migctl hosts remove ID",
        ["HOST_IN_USE"] = "move its guests away or stop them first: migctl guests list --host ID",
        ["AGENT_UNREACHABLE"] = "start the host's agent or mend its endpoint, then try again",
        ["AGENT_REFUSED"] = "mend what the agent names in its message, then try again",
        ["AGENT_IS_ANOTHER_HOST"] = "register the host under the id that its agent has, or give the right endpoint",

        ["GUEST_UNKNOWN"] = "see which guests there are: migctl guests list",
        ["GUEST_EXISTS"] = "choose another id; a guest's spec changes only by removing and defining it again",
        ["FENCING_FAILED"] = "see whether the machine is off; when it is: migctl hosts declare-dead ID --reason TEXT",
        ["FENCING_NOT_CONFIGURED"] = "switch the machine off yourself, then: migctl hosts declare-dead ID --reason TEXT",
        ["HOST_ALIVE"] = "stop its guests, or move them, while its agent answers",
        ["HOST_DEAD"] = "choose another host, or when the machine is back: migctl hosts readmit ID",
        ["HOST_HAS_STALE_GUESTS"] = "end those guests' processes on that machine by hand, then readmit it again",
        ["HOST_NOT_DEAD"] = "see how it stands: migctl hosts get ID",
        ["HOST_CORDONED"] = "choose another host, or open this one: migctl hosts uncordon ID",
        ["GUEST_ELSEWHERE"] = "the guest has a host already: migctl guests get ID; to move it: migctl migrate ID HOST",
        ["GUEST_MIGRATING"] = "wait for the migration, or cancel it: migctl list --running",
        ["GUEST_RUNNING"] = "stop it first: migctl guests stop ID",
        ["GUEST_STATE_UNKNOWN"] =
            "wait until its host answers again (migctl hosts list), or see that the machine is off and declare it dead: two of it could run",
        ["START_FAILED"] = "mend what the engine names in its message, then start it again",
        ["GUEST_NOT_RUNNING"] = "start it first: migctl guests start ID HOST",
        ["RESUME_REFUSED"] = "wait for the end of the non-live migration; it runs on afterwards as before",

        ["MIGRATION_UNKNOWN"] = "see which migrations there are: migctl list",
        ["MIGRATION_EXISTS"] = "leave --id out, or choose a new UUID",
        ["TARGET_UNKNOWN"] = "see which hosts there are: migctl hosts list",
        ["POLICY_UNKNOWN"] = "see which policies there are: migctl policies list",
        ["GUEST_ALREADY_MIGRATING"] =
            "wait for the other migration (migctl watch {active_migration_id}) or cancel it (migctl cancel {active_migration_id})",
        ["TARGET_CORDONED"] = "choose another host, or open this one: migctl hosts uncordon ID",
        ["TARGET_IS_SOURCE"] = "the guest is there already; choose another host: migctl hosts list",
        ["LIMITS_STALE"] = "look at what was changed, then set again: migctl limits get",
        ["CLASS_UNKNOWN"] = "choose one of the classes there are: migctl limits get",
        ["POST_COPY_IMPOSSIBLE"] = "use a policy without a post_copy step, and no non-live mode or VFIO device where post-copy is wanted",
        ["PAST_POINT_OF_NO_RETURN"] = "let it finish: the target may hold the newest memory",
        ["MIGRATION_ENDED"] = "see what became of it: migctl explain ID",
        ["NOT_COPYING"] = "try again while it copies: migctl get ID tells the phase",
        ["LIMIT_ABOVE_BUDGET"] =
            "ask for at most the promised budget of {budget_ms} ms, or start a new migration with a larger --max-downtime",
        ["SHUTTING_DOWN"] = "try again in a moment; migrations go on meanwhile",
        ["DATABASE_AWAY"] = "try again in a moment; the control plane is there, its database is not",
        ["READINGS_GONE"] = "see what was decided: migctl explain ID; Migrations:KeepReadings says how long readings are kept",
        ["COMMANDER_SILENT"] = "ask again in a moment, with the same --request-id if you gave one; another replica takes over if that one is gone",
        ["WATCHER_TOO_SLOW"] = "watch again; the snapshot catches up",

        ["POLICY_EXISTS"] = "write a new revision instead: migctl policies apply -f FILE",
        ["REVISION_STALE"] = "somebody wrote a newer revision: read it (migctl policies get NAME) and decide again",
        ["POLICY_IS_PRESET"] = "give your document another name; presets are not changed",

        ["SCHEDULE_UNKNOWN"] = "see which schedules there are: migctl schedules list",
        ["SCHEDULE_EXISTS"] = "choose another name, or delete the old one first: migctl schedules delete NAME",

        ["EVACUATION_UNKNOWN"] = "see which evacuations there are: migctl evacuate list",
        ["EVACUATION_EXISTS"] = "leave --id out, or choose a new UUID",
        ["ALREADY_EVACUATING"] =
            "watch the other evacuation (migctl evacuate watch {evacuation_id}), cancel it (migctl evacuate cancel {evacuation_id}), or leave its hosts out",
        ["WHOLE_FLEET"] = "leave hosts out, or take them in turns: --max-hosts-out 1",
        ["EVACUATION_ENDED"] = "see what became of it: migctl evacuate get {evacuation_id}; what is left to do is a new evacuation",
        ["NO_HOST_MATCHES"] = "see which labels the hosts have: migctl hosts list",

        ["NOTICE_UNKNOWN"] = "see which notices there are: migctl notices list",
        ["NOTICE_CLOSED"] = "nothing; to stop the migration if it goes on: migctl cancel ID",
    };

    /// <param name="facts">The refusal's metadata, which may fill in a name.</param>
    public static string? For(string reason, IEnumerable<KeyValuePair<string, string>> facts)
    {
        if (!s_byReason.TryGetValue(reason, out var advice))
        {
            return null;
        }

        advice = facts.Aggregate(advice, (text, fact) => text.Replace("{" + fact.Key + "}", fact.Value, StringComparison.Ordinal));
        return advice
            .Replace("{active_migration_id}", "ID", StringComparison.Ordinal)
            .Replace("{evacuation_id}", "ID", StringComparison.Ordinal)
            .Replace(" of {budget_ms} ms", "", StringComparison.Ordinal);
    }
}
