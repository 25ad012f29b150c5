namespace Orchestrator.Policy.Convergence;

/// <summary>What a document must be to be accepted.</summary>
public static class DocumentRules
{
    // QEMU takes a downtime-limit of at most 2,000,000 ms (qapi/migration.json).
    internal static readonly TimeSpan LongestDowntime = TimeSpan.FromSeconds(2000);
    internal static readonly TimeSpan ShortestDowntime = TimeSpan.FromMilliseconds(1);
    internal static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    internal static readonly TimeSpan TenMinutes = TimeSpan.FromMinutes(10);
    internal static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    internal static readonly TimeSpan Day = TimeSpan.FromDays(1);
    internal static readonly TimeSpan Week = TimeSpan.FromDays(7);

    /// <summary>All of them at once: bounds of single fields and what fields must be to each other. None = valid.</summary>
    public static IReadOnlyList<DocumentViolation> Violations(ConvergenceDocument document)
    {
        var findings = new DocumentFindings();
        findings.Time("max_downtime", document.MaxDowntime, ShortestDowntime, LongestDowntime);
        Downtime(findings, "initial_downtime", document.InitialDowntime, document);
        PacingRules.Check(findings, document);
        StepRules.Check(findings, document);
        Stop(findings, document.Stop);
        Rate(findings, "bandwidth.max_bytes_per_second", document.Bandwidth.Max);
        Rate(findings, "bandwidth.switchover_bytes_per_second", document.Bandwidth.SwitchOver);
        Loss(findings, document);
        Retry(findings, document.Retry);
        return findings.Found;
    }

    /// <summary>What makes a sound document impossible for one guest. None = possible.</summary>
    /// <param name="guestHasVfio">QEMU refuses post-copy with a VFIO device.</param>
    /// <param name="nonLive">The guest stays stopped while it is moved.</param>
    public static IReadOnlyList<DocumentViolation> ViolationsFor(ConvergenceDocument document, bool guestHasVfio, bool nonLive)
    {
        var findings = new DocumentFindings();
        if (document.Steps is [.., { Action: LadderAction.PostCopy }])
        {
            var field = $"steps[{Figure.Count(document.Steps.Count - 1)}].post_copy";
            if (guestHasVfio)
            {
                findings.Add(field, "must not be the only end for a guest with a VFIO device, which post-copy cannot move; end in abort");
            }

            if (nonLive)
            {
                findings.Add(field, "must not be the only end of a NON_LIVE migration, whose guest does not run; end in abort");
            }
        }

        return findings.Found;
    }

    internal static void Downtime(DocumentFindings findings, string field, TimeSpan value, ConvergenceDocument document)
    {
        if (value > document.MaxDowntime && value <= LongestDowntime)
        {
            findings.Add(
                field,
                $"must be at most max_downtime, {DocumentFindings.Words(document.MaxDowntime)}, is {DocumentFindings.Words(value)}");
            return;
        }

        findings.Time(field, value, ShortestDowntime, LongestDowntime);
    }

    internal static void Rate(DocumentFindings findings, string field, DataRate? rate)
    {
        if (rate is { BytesPerSecond: < 0 } negative)
        {
            findings.Add(field, FormattableString.Invariant($"must be 0 (none) or above, is {negative.BytesPerSecond}"));
        }
    }

    /// <summary>A caller need not give a deadline, so the document has to: an agent that waits for none would wait for ever.</summary>
    private static void Loss(DocumentFindings findings, ConvergenceDocument document)
    {
        if (document is { OnControlPlaneLoss: ControlPlaneLoss.AbortAtDeadline, Stop: { MaxTotalTime: null, MaxTotalTimePerGibibyte: null } })
        {
            findings.Add(
                "on_control_plane_loss",
                "is ABORT_AT_DEADLINE, which needs stop.max_total_time or stop.max_total_time_per_gib: without them a caller that gives no "
                + "deadline would have nothing to abort at");
        }
    }

    private static void Retry(DocumentFindings findings, RetryTerms? retry)
    {
        if (retry is not null)
        {
            findings.Count("retry.attempts", retry.Attempts, 1, 20);
            findings.Time("retry.backoff", retry.Backoff, Second, TenMinutes);
        }
    }

    private static void Stop(DocumentFindings findings, StopConditions stop)
    {
        if (stop.MaxPasses is { } passes)
        {
            findings.Count("stop.max_passes", passes, 1, 1_000_000);
        }

        if (stop.MaxTransferFactor is { } factor)
        {
            findings.Above("stop.max_transfer_factor", factor, 0, 1000);
        }

        if (stop.MaxTotalTime is { } total)
        {
            findings.Time("stop.max_total_time", total, Second, Week);
        }

        if (stop.MaxTotalTimePerGibibyte is { } perGibibyte)
        {
            findings.Time("stop.max_total_time_per_gib", perGibibyte, Second, Hour);
        }
    }
}
