using Grpc.Core;
using Orchestrator.Cli.Evacuations;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Evacuations;

public sealed class PlanTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _server.On<PlanEvacuationRequest, PlanEvacuationResponse>(_ => new PlanEvacuationResponse { Plan = EvacuationSample.Plan() });
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Plan_IsATableWithWhatCannotMoveAndTheTotal()
    {
        var run = await Migctl.RunAsync(_server, "evacuate", "plan", "h1", "--deadline", "2026-08-01T12:04:00Z");

        Assert.Equal(
            """
            ORDER  WAVE  GUEST    FROM  TO  STARTS AFTER  DURATION  DOWNTIME   BYTES  POLICY
            1      1     db-1     h1    h2  0 ms          40 s      310 ms     4 GiB  predictive
            2      1     web-1    h1    h3  2 s           10 s      not known  4 GiB  predictive
            3      2     cache-2  h1    h3  12 s          1 min     shut down  -      (restart)

            No host can take these now:
            GUEST  ON  WHY
            gpu-1  h1  h2: has no such device; h3: has no such device

            1 guest will stay as asked: build-7
            Total 1 min 12 s in 2 waves, 1.20 times the 1 min that the bytes need on the links.
            LATE: 2 guests will not be off by 2026-08-01 12:04:00Z: cache-2, gpu-1

            """,
            run.Out);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(["h1"], Assert.Single(_server.Seen<PlanEvacuationRequest>()).Spec.HostIds);
    }

    [Fact]
    public async Task Plan_Timeline_HasABarForEachGuestUnderItsTarget()
    {
        var run = await Migctl.RunAsync(_server, "evacuate", "plan", "--label", "rack=r12", "--timeline");

        var lines = run.Out.Split('\n');
        Assert.Contains("to h2", lines);
        Assert.Equal("    1 db-1    " + new string('#', 48), Assert.Single(lines, line => line.Contains(" db-1 ", StringComparison.Ordinal)));
        Assert.Contains(lines, line => line.EndsWith("=====", StringComparison.Ordinal) && line.Contains("cache-2", StringComparison.Ordinal));
        Assert.Contains("gpu-1  h1", run.Out, StringComparison.Ordinal);
        Assert.Equal("r12", Assert.Single(_server.Seen<PlanEvacuationRequest>()).Spec.HostLabels["rack"]);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(80)]
    [InlineData(120)]
    public void Timeline_AnyPlan_FitsTheWidth(int width)
    {
        var random = new Random(width);
        for (var round = 0; round < 50; round++)
        {
            var plan = new EvacuationPlan();
            var moves = random.Next(1, 60);
            for (var move = 0; move < moves; move++)
            {
                var name = new string('g', random.Next(1, 60)) + move;
                plan.Moves.Add(EvacuationSample.Move(name, "h" + random.Next(4), (uint)random.Next(1, 900), random.NextDouble() * 1e5, random.NextDouble() * 1e4));
            }

            var lines = PlanTimeline.Render(plan, width).TrimEnd('\n').Split('\n');
            Assert.All(lines, line => Assert.True(line.Length <= width, $"{line.Length}: {line}"));
            Assert.Equal(moves, lines.Count(line => line.EndsWith('#')));
        }
    }

    [Fact]
    public async Task Plan_Json_IsTheAnswer() =>
        Assert.Equal(EvacuationSample.Plan(), (await Migctl.RunAsync(_server, "evacuate", "plan", "h1", "-o", "json")).Json<PlanEvacuationResponse>().Plan);

    [Fact]
    public async Task Plan_NothingToMove_SaysSo()
    {
        _server.On<PlanEvacuationRequest, PlanEvacuationResponse>(_ => new PlanEvacuationResponse { Plan = new EvacuationPlan() });

        Assert.Equal("Nothing moves.\n\nTotal 0 ms in 0 waves.\n", (await Migctl.RunAsync(_server, "evacuate", "plan", "h1")).Out);
        Assert.StartsWith("Nothing moves.", (await Migctl.RunAsync(_server, "evacuate", "plan", "h1", "--timeline")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_OfTheWholeFleet_SaysWhatIsAllowed()
    {
        _server.On<PlanEvacuationRequest, PlanEvacuationResponse>(
            _ => throw ScriptedServer.Refuse(StatusCode.FailedPrecondition, "WHOLE_FLEET", "No host would be left to move to."));

        var run = await Migctl.RunAsync(_server, "evacuate", "plan", "h1", "h2");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("--max-hosts-out 1", run.Error, StringComparison.Ordinal);
    }
}
