using Google.Protobuf.WellKnownTypes;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Evacuations.Admission;

/// <summary>Finds everything in which a spec is not what evacuations.proto allows. What only the fleet can tell is asked later.</summary>
internal sealed class EvacuationSpecParser
{
    public const int MaxReasonCharacters = 500;
    private const int MaxHosts = 256;
    private const int MaxHostLabels = 16;
    private const int MaxHostsOut = 10_000;
    private const int MaxRetryPolicies = 8;
    private const int MaxOverrides = 10_000;
    private const int MaxAttempts = 20;
    private const int MaxClassCharacters = 63;

    private static readonly TimeSpan s_shortestDowntime = TimeSpan.FromMilliseconds(1);

    // QEMU's own bound of downtime-limit (qapi/migration.json).
    private static readonly TimeSpan s_longestDowntime = TimeSpan.FromSeconds(2000);
    private static readonly TimeSpan s_shortestBackoff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestBackoff = TimeSpan.FromMinutes(10);
    private static readonly DateTimeOffset s_latest = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly EvacuationSpec _spec;
    private readonly Violations _violations;
    private readonly string _path;

    private EvacuationSpecParser(EvacuationSpec spec, Violations violations, string path) =>
        (_spec, _violations, _path) = (spec, violations, path);

    /// <param name="violations">Paths are proto names below the spec, after <paramref name="path"/> and a dot.</param>
    public static void Check(EvacuationSpec? spec, Violations violations, string path)
    {
        if (spec is null)
        {
            violations.Add(path, "is missing");
            return;
        }

        var parser = new EvacuationSpecParser(spec, violations, path);
        parser.CheckHosts();
        parser.CheckMoves();
        parser.CheckOverrides();
        NoticeTermsParser.Parse($"{path}.notice", spec.Notice, violations);
        violations.Text($"{path}.reason", spec.Reason, MaxReasonCharacters);
        violations.Text($"{path}.priority_class", spec.PriorityClass, MaxClassCharacters);
    }

    private void CheckHosts()
    {
        switch (_spec)
        {
            case { HostIds.Count: 0, HostLabels.Count: 0 }:
                _violations.Add($"{_path}.host_ids", $"is missing: give 1 to {MaxHosts} hosts, or host_labels");
                break;
            case { HostIds.Count: > 0, HostLabels.Count: > 0 }:
                _violations.Add($"{_path}.host_labels", "must be empty when host_ids are given: one of the two, not both");
                break;
        }

        _violations.Count($"{_path}.host_ids", _spec.HostIds.Count, MaxHosts);
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (var (index, hostId) in _spec.HostIds.Take(MaxHosts).Index())
        {
            _violations.Name($"{_path}.host_ids[{index}]", hostId);
            if (!seen.Add(hostId))
            {
                _violations.Add($"{_path}.host_ids[{index}]", $"names {hostId} once more: once is enough");
            }
        }

        Labels.Parse(_violations, $"{_path}.host_labels", _spec.HostLabels, MaxHostLabels);
        InRange("max_hosts_out", _spec.MaxHostsOut, MaxHostsOut, "means all at once");
    }

    private void CheckMoves()
    {
        PolicyName("policy", _spec.Policy);
        _violations.Count($"{_path}.retry_policies", _spec.RetryPolicies.Count, MaxRetryPolicies);
        foreach (var (index, policy) in _spec.RetryPolicies.Take(MaxRetryPolicies).Index())
        {
            _violations.Name($"{_path}.retry_policies[{index}]", policy);
        }

        _violations.Duration($"{_path}.max_downtime", _spec.MaxDowntime, s_shortestDowntime, s_longestDowntime);
        _violations.Duration($"{_path}.backoff", _spec.Backoff, s_shortestBackoff, s_longestBackoff);
        InRange("max_attempts", _spec.MaxAttempts, MaxAttempts, "leaves it to the policy's retry terms, or means 4");
        if (_spec.Deadline is { } deadline && !IsTime(deadline))
        {
            _violations.Add($"{_path}.deadline", $"must be a time from 1970 until {s_latest:yyyy}");
        }
    }

    private void CheckOverrides()
    {
        _violations.Count($"{_path}.overrides", _spec.Overrides.Count, MaxOverrides);
        HashSet<string> seen = new(StringComparer.Ordinal);
        var hosts = _spec.HostIds.ToHashSet(StringComparer.Ordinal);
        foreach (var (index, wish) in _spec.Overrides.Take(MaxOverrides).Index())
        {
            var path = $"overrides[{index}]";
            _violations.Name($"{_path}.{path}.guest_id", wish.GuestId);
            if (!seen.Add(wish.GuestId))
            {
                _violations.Add($"{_path}.{path}.guest_id", $"has an override already: one a guest");
            }

            if (wish.Treatment is not (GuestTreatment.Unspecified or GuestTreatment.Migrate or GuestTreatment.Skip or GuestTreatment.Restart))
            {
                _violations.Add(
                    $"{_path}.{path}.treatment",
                    $"must be GUEST_TREATMENT_MIGRATE, GUEST_TREATMENT_SKIP or GUEST_TREATMENT_RESTART, is {(int)wish.Treatment}");
            }

            PolicyName($"{path}.policy", wish.Policy);
            _violations.Duration($"{_path}.{path}.max_downtime", wish.MaxDowntime, s_shortestDowntime, s_longestDowntime);
            if (wish.TargetHostId.Length > 0)
            {
                _violations.Name($"{_path}.{path}.target_host_id", wish.TargetHostId);
            }

            if (hosts.Contains(wish.TargetHostId))
            {
                _violations.Add($"{_path}.{path}.target_host_id", "must not be one of the hosts that are to be emptied");
            }
        }
    }

    private void PolicyName(string field, string policy)
    {
        if (policy.Length > 0)
        {
            _violations.Name($"{_path}.{field}", policy);
        }
    }

    private void InRange(string field, int value, int most, string zero)
    {
        if (value < 0 || value > most)
        {
            _violations.Add($"{_path}.{field}", $"must be 0 to {most}, is {value}; 0 {zero}");
        }
    }

    // A message from the wire may hold seconds and nanos that make no time.
    private static bool IsTime(Timestamp time) =>
        time.Nanos is >= 0 and <= 999_999_999 && time.Seconds >= 0 && time.Seconds < s_latest.ToUnixTimeSeconds();
}
