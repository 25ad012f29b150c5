using Orchestrator.Bench.Fleet;

namespace Orchestrator.Bench.Tests.Fleet;

public class FleetPeopleTests
{
    private static readonly FleetOptions s_options = new()
    {
        Hosts = 10,
        Guests = 100,
        Queued = 60,
        Running = 30,
        Replicas = 1,
        Seconds = 1,
        TransferSeconds = 100,
        ReportMilliseconds = 1000,
        CallsPerSecond = 1,
        Place = 10,
        Seed = 1,
    };

    [Fact]
    public void Guests_OfOneSeed_AreTheSameAndCompleteInTime()
    {
        var (people, again) = (new FleetPeople(s_options), new FleetPeople(s_options));

        Assert.Equal(people.Guests, again.Guests);
        Assert.Equal((90, 10), (people.Waiting.Count(), people.Spare.Count()));
        Assert.All(people.Guests, guest => Assert.InRange(people.CopyOf(guest.GuestId).Lasts!.Value.TotalSeconds, 10, 190));
    }

    [Theory]
    [InlineData(90, null)]
    [InlineData(89, "--guests")]
    public void Problem_FewerGuestsThanMigrations_IsToldWithWhatIsAllowed(int guests, string? named)
    {
        var problem = (s_options with { Guests = guests }).Problem();

        Assert.Equal(named is null, problem is null);
        Assert.Contains(named ?? "", problem ?? "", StringComparison.Ordinal);
    }
}
