using Grpc.Core;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Hosts;

public sealed class ExplainCommandTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;

    public async Task InitializeAsync() => _server = await ScriptedServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Explain_CandidatesAndObstacles_IsOneTable()
    {
        var response = new ExplainPlacementResponse
        {
            Hosts =
            {
                new HostVerdict
                {
                    HostId = "h2",
                    Score = 0.8125,
                    Parts = { new ScorePart { Name = "free-memory", Value = 0.25, Weight = 0.25 }, new ScorePart { Name = "link", Value = 1, Weight = 0.75 } },
                },
                new HostVerdict { HostId = "h3", Score = 0.5 },
                new HostVerdict
                {
                    HostId = "h1",
                    Obstacles =
                    {
                        new HostObstacle { Obstacle = PlacementObstacle.Cordoned, Message = "is cordoned: new kernel" },
                        new HostObstacle { Obstacle = PlacementObstacle.Memory, Message = "needs 8 GiB, 3.2 GiB of 64 GiB are free" },
                        new HostObstacle { Obstacle = (PlacementObstacle)99 },
                    },
                },
            },
        };
        _server.On<ExplainPlacementRequest, ExplainPlacementResponse>(_ => response);

        var table = await Migctl.RunAsync(_server, "hosts", "explain", "web-1");
        var json = await Migctl.RunAsync(_server, "hosts", "explain", "web-1", "-o", "json");

        Assert.Equal(
            """
            HOST  VERDICT  SCORE  WHY
            h2    best     0.813  free-memory 0.25 x 0.25, link 1.00 x 0.75
            h3    fits     0.500  -
            h1    no       -      cordoned: is cordoned: new kernel; memory: needs 8 GiB, 3.2 GiB of 64 GiB are free; unknown-99

            """,
            table.Out);
        Assert.Equal(response, json.Json<ExplainPlacementResponse>());
        Assert.All(_server.Seen<ExplainPlacementRequest>(), request => Assert.Equal("web-1", request.GuestId));
    }

    [Fact]
    public async Task Explain_UnknownGuest_GoesToStandardErrorAndLeavesWithOne()
    {
        _server.On<ExplainPlacementRequest, ExplainPlacementResponse>(request =>
            throw ScriptedServer.Refuse(StatusCode.NotFound, "GUEST_UNKNOWN", $"Guest {request.GuestId} is not known."));

        var run = await Migctl.RunAsync(_server, "hosts", "explain", "nobody");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Guest nobody is not known.", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Out);
    }
}
