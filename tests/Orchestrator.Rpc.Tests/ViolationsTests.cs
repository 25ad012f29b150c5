using Google.Protobuf.WellKnownTypes;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.Rpc.Tests;

public class ViolationsTests
{
    [Theory]
    [InlineData("a", true)]
    [InlineData("host-1.rack", true)]
    [InlineData("", false)]
    [InlineData("-a", false)]
    [InlineData("a-", false)]
    [InlineData("A", false)]
    [InlineData("a\n", false)]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true)]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)]
    public void Name_OnlyLabelCharactersAndBoundedLength(string text, bool sound)
    {
        var violations = new Violations();
        violations.Name("host_id", text);
        Assert.Equal(sound, !violations.Any);
    }

    [Fact]
    public void Duration_OutsideItsRange_SaysRangeAndValue()
    {
        var violations = new Violations();
        violations.Duration("max_downtime", Duration.FromTimeSpan(TimeSpan.FromHours(1)), TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2000));

        var violation = Assert.Single(violations.Found);
        Assert.Equal("max_downtime", violation.Field);
        Assert.Equal("must be 1 ms to 2000 s, is 3600 s", violation.Description);
    }

    [Theory]
    [InlineData(long.MaxValue, 0)]
    [InlineData(long.MinValue, 0)]
    [InlineData(0, int.MaxValue)]
    [InlineData(1, -1)]
    public void Duration_NotADuration_IsAViolationAndNoException(long seconds, int nanos)
    {
        var violations = new Violations();
        violations.Duration("deadline", new Duration { Seconds = seconds, Nanos = nanos }, TimeSpan.Zero, TimeSpan.MaxValue);
        Assert.Equal("is no valid duration", Assert.Single(violations.Found).Description);
    }

    [Fact]
    public void Uuid_AnythingElse_IsAViolation()
    {
        var violations = new Violations();
        var good = Guid.NewGuid();
        Assert.Equal(good, violations.Uuid("migration_id", good.ToString()));
        Assert.False(violations.Any);
        violations.Uuid("migration_id", "{" + good + "}");
        violations.Uuid("migration_id", Guid.Empty.ToString());
        violations.Uuid("migration_id", "x");
        Assert.Equal(3, violations.Found.Count);
    }

    [Theory]
    [InlineData(0u, 100, false)]
    [InlineData(1000u, 1000, false)]
    [InlineData(1001u, 1000, true)]
    public void PageSize_ZeroMeansUsual_AboveMaxIsRefused(uint asked, int given, bool refused)
    {
        var violations = new Violations();
        Assert.Equal(given, violations.PageSize("page_size", asked, 100, 1000));
        Assert.Equal(refused, violations.Any);
    }

    [Fact]
    public void InvalidRequest_OfVeryMany_StaysWithinWhatClientsTake()
    {
        var violations = new Violations();
        for (var n = 0; n < 10_000; n++)
        {
            violations.Add($"steps[{n}].when[{n}].elapsed_above_per_gib", "must be 1 s to 3600 s, is 0");
        }

        var refused = Refusal.InvalidRequest(violations);

        var named = Refusal.FindDetail<Google.Rpc.BadRequest>(refused)!.FieldViolations;
        Assert.InRange(named.Count, 40, 100);
        Assert.Equal($"and {10_000 - named.Count + 1} more", named[^1].Description);
        Assert.True((refused.Trailers.GetValueBytes(Refusal.TrailerKey)!.Length * 4 / 3) + refused.Status.Detail.Length < 8000);
    }

    [Fact]
    public void InvalidRequest_OneTooLong_IsCountedAndNotNamed()
    {
        var violations = new Violations();
        violations.Add("a", "is wrong");
        violations.Add("b", new string('x', 6000));

        var refused = Refusal.InvalidRequest(violations);

        Assert.Equal(["a", "..."], Refusal.FindDetail<Google.Rpc.BadRequest>(refused)!.FieldViolations.Select(found => found.Field));
        Assert.StartsWith("The request has fields that are not acceptable: a is wrong; and 1 more.", refused.Status.Detail, StringComparison.Ordinal);
    }
}
