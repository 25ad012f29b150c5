using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Evacuations;

public sealed class EvacuationCommandTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;

    public async Task InitializeAsync() => _server = await ScriptedServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task List_IsATable()
    {
        _server.On<ListEvacuationsRequest, ListEvacuationsResponse>(
            _ => new ListEvacuationsResponse { Evacuations = { EvacuationSample.Running(1) }, NextPageToken = "next" });

        var run = await Migctl.RunAsync(_server, "evacuate", "list", "--running", "--limit", "1");

        Assert.Equal(
            $"""
            EVACUATION                            STATE    HOSTS  CREATED               ENDED  END EXPECTED          REQUESTED BY  REASON
            {EvacuationSample.Id}  running  h1     2026-08-01 12:03:00Z  -      2026-08-01 12:04:30Z  ops           new kernel
            There are more than 1; --limit 0 shows all.

            """,
            run.Out);
        Assert.True(Assert.Single(_server.Seen<ListEvacuationsRequest>()).RunningOnly);
    }

    [Fact]
    public async Task List_Nothing_SaysSo()
    {
        _server.On<ListEvacuationsRequest, ListEvacuationsResponse>(_ => new ListEvacuationsResponse());

        Assert.Equal("No evacuations match.\n", (await Migctl.RunAsync(_server, "evacuate", "list")).Out);
    }

    [Fact]
    public async Task Get_TellsHostsAndGuests()
    {
        _server.On<GetEvacuationRequest, GetEvacuationResponse>(_ => new GetEvacuationResponse
        {
            Evacuation = EvacuationSample.Running(
                5,
                EvacuationSample.Guest("db-1", EvacuationGuestState.Moved, "is on h2"),
                EvacuationSample.Guest("gpu-1", EvacuationGuestState.Skipped, "stays as asked"),
                EvacuationSample.Guest("web-1", EvacuationGuestState.Waiting, "waits for its turn")),
        });

        var run = await Migctl.RunAsync(_server, "evacuate", "get", EvacuationSample.Id);

        Assert.Contains("Guests:        3 guests: 1 moved, 1 waiting, 1 skipped", run.Out, StringComparison.Ordinal);
        Assert.Contains("h1    emptying  1 of 2  no", run.Out, StringComparison.Ordinal);
        Assert.Contains("web-1  h1    waiting  2026-08-01 12:03:01Z  -   0         -          waits for its turn", run.Out, StringComparison.Ordinal);
        Assert.Equal(0, run.ExitCode);
    }

    [Theory]
    [InlineData(EvacuationCancelMode.StopHere, new string[] { })]
    [InlineData(EvacuationCancelMode.BringBack, new[] { "--bring-back" })]
    public async Task Cancel_SaysHow(EvacuationCancelMode mode, string[] options)
    {
        _server.On<CancelEvacuationRequest, CancelEvacuationResponse>(_ => new CancelEvacuationResponse
        {
            Evacuation = new Evacuation(EvacuationSample.Running(2)) { State = EvacuationState.Cancelling },
        });

        var run = await Migctl.RunAsync(_server, ["evacuate", "cancel", EvacuationSample.Id, "--reason", "not today", .. options]);

        Assert.StartsWith($"Evacuation {EvacuationSample.Id} is cancelling. Follow it with: migctl evacuate watch", run.Out, StringComparison.Ordinal);
        var request = Assert.Single(_server.Seen<CancelEvacuationRequest>());
        Assert.Equal((mode, "not today"), (request.Mode, request.Reason));
    }

    [Fact]
    public async Task PauseAndResume_SayHowItStands()
    {
        _server.On<PauseEvacuationRequest, PauseEvacuationResponse>(
            _ => new PauseEvacuationResponse { Evacuation = new Evacuation(EvacuationSample.Running(2)) { State = EvacuationState.Paused } });
        _server.On<ResumeEvacuationRequest, ResumeEvacuationResponse>(
            _ => new ResumeEvacuationResponse { Evacuation = EvacuationSample.Running(3) });

        Assert.Equal(
            $"Evacuation {EvacuationSample.Id} is paused. Resume it with: migctl evacuate resume {EvacuationSample.Id}\n",
            (await Migctl.RunAsync(_server, "evacuate", "pause", EvacuationSample.Id)).Out);
        Assert.StartsWith(
            $"Evacuation {EvacuationSample.Id} is running.", (await Migctl.RunAsync(_server, "evacuate", "resume", EvacuationSample.Id)).Out, StringComparison.Ordinal);
    }
}
