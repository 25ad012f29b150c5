using Quartz;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>A time in which a schedule does not fire. Closed: both kinds are declared here.</summary>
internal abstract record BlackoutTerms
{
    private BlackoutTerms()
    {
    }

    /// <summary>Whether a moment is in it; its end is not.</summary>
    public abstract bool Covers(DateTimeOffset moment);

    public sealed record Once(DateTimeOffset From, DateTimeOffset Until) : BlackoutTerms
    {
        public override bool Covers(DateTimeOffset moment) => From <= moment && moment < Until;

        public override string ToString() => FormattableString.Invariant($"from {From:u} until {Until:u}");
    }

    public sealed record Recurring(CronExpression Cron, TimeSpan Duration) : BlackoutTerms
    {
        // Covered when it began at a moment that lies less than its duration back.
        public override bool Covers(DateTimeOffset moment) => Cron.GetNextValidTimeAfter(moment - Duration) <= moment;

        public override string ToString() => FormattableString.Invariant($"\"{Cron.CronExpressionString}\" for {Duration}");
    }
}
