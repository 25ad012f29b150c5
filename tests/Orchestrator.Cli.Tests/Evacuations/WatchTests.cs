using System.Text.RegularExpressions;
using Grpc.Core;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Evacuations;

public sealed partial class WatchTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;

    public async Task InitializeAsync() => _server = await ScriptedServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Watch_NoTerminal_ALineForEachChange()
    {
        Play(Story());

        var run = await Migctl.RunAsync(_server, "evacuate", "watch", EvacuationSample.Id);

        Assert.Equal(
            $"""
            T  running: evacuation {EvacuationSample.Id} of h1
            T  host h1 emptying, 0 of 2 guests off
            T  2 guests: 2 waiting; end expected at 2026-08-01 12:04:30Z
            T  guest db-1 moving: on its way to h2, attempt 1; migration {Sample.MigrationId}
            T  2 guests: 1 moving, 1 waiting; end expected at 2026-08-01 12:04:30Z
            T  guest db-1 moved: is on h2
            T  guest web-1 stuck: h2: needs 8 GiB, 3 GiB are free
            T  LATE: 1 guest will not be off by 2026-08-01 12:13:00Z: web-1
            T  2 guests: 1 moved, 1 stuck; end expected at 2026-08-01 12:04:30Z
            T  incomplete
            Incomplete: some guests stay after 1 min 15 s. 2 guests: 1 moved, 1 stuck.
              web-1 stuck: h2: needs 8 GiB, 3 GiB are free

            """,
            TimePattern().Replace(run.Out, "T"));
        Assert.Equal(1, run.ExitCode);
    }

    [Fact]
    public async Task Watch_Json_OneObjectPerLine()
    {
        Play(Story());

        var run = await Migctl.RunAsync(_server, "evacuate", "watch", EvacuationSample.Id, "-o", "json");

        Assert.Equal(Story(), run.JsonLines<WatchEvacuationResponse>().Select(line => line.Evacuation));
        Assert.Equal(1, run.ExitCode);
    }

    [Fact]
    public async Task Watch_OnAScreen_ShowsHostsAndGuestsAndClearsThemAtTheEnd()
    {
        string? picture = null;
        var heard = "";
        Play(Story());

        var run = await Migctl.RunAsync(["evacuate", "watch", EvacuationSample.Id], new Migctl.Setting
        {
            Server = _server.Address.OriginalString,
            Live = true,
            Heard = text =>
            {
                heard += text;
                if (picture is null && heard.Contains("guest web-1 stuck", StringComparison.Ordinal) && Screen.Show(heard) is var rows
                    && rows.Any(row => row.Contains("emptying", StringComparison.Ordinal) && row.Contains("1 of 2", StringComparison.Ordinal)))
                {
                    picture = string.Join('\n', rows);
                }
            },
        });

        Assert.NotNull(picture);
        Assert.Contains($"evacuation {EvacuationSample.Id}: running", picture, StringComparison.Ordinal);
        Assert.Contains("2 guests: 1 moved, 1 stuck", picture, StringComparison.Ordinal);
        Assert.All(picture.Split('\n'), row => Assert.True(row.Length <= 80, row));
        Assert.DoesNotContain(Screen.Show(run.Out), row => row.Contains("emptying  1 of", StringComparison.Ordinal));
        Assert.Contains(Screen.Show(run.Out), row => row.StartsWith("Incomplete: some guests stay", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Watch_ServerRestarts_CallsAgainAndTellsNothingTwice()
    {
        var story = Story();
        var calls = 0;
        _server.OnStream<WatchEvacuationRequest, WatchEvacuationResponse>(async (_, stream, cancellation) =>
        {
            if (++calls == 1)
            {
                await stream.WriteAsync(new WatchEvacuationResponse { Evacuation = story[0] }, cancellation);
                await stream.WriteAsync(new WatchEvacuationResponse { Evacuation = story[1] }, cancellation);
                throw ScriptedServer.Refuse(StatusCode.Unavailable, "SHUTTING_DOWN", "The server is going down.");
            }

            await stream.WriteAsync(new WatchEvacuationResponse { Evacuation = story[1] }, cancellation);
            await stream.WriteAsync(new WatchEvacuationResponse { Evacuation = story[^1] }, cancellation);
        });

        var run = await Migctl.RunAsync(_server, "evacuate", "watch", EvacuationSample.Id);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("connection lost (The server is going down); the evacuation goes on", run.Out, StringComparison.Ordinal);
        Assert.Contains("connected again\n", run.Out, StringComparison.Ordinal);
        Assert.Single(run.Out.Split('\n'), line => line.Contains("guest db-1 moving", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Watch_StreamEndsWithoutTheEnd_AsksHowItStands()
    {
        _server.On<GetEvacuationRequest, GetEvacuationResponse>(_ => new GetEvacuationResponse { Evacuation = EvacuationSample.Ended(EvacuationState.Completed) });
        Play([EvacuationSample.Running(1)]);

        Assert.Equal(0, (await Migctl.RunAsync(_server, "evacuate", "watch", EvacuationSample.Id)).ExitCode);
    }

    [Fact]
    public async Task Watch_Unknown_IsRefusedWithAdvice()
    {
        _server.OnStream<WatchEvacuationRequest, WatchEvacuationResponse>(
            (_, _, _) => throw ScriptedServer.Refuse(StatusCode.NotFound, "EVACUATION_UNKNOWN", "No such evacuation."));

        var run = await Migctl.RunAsync(_server, "evacuate", "watch", EvacuationSample.Id);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("migctl evacuate list", run.Error, StringComparison.Ordinal);
    }

    private static Evacuation[] Story()
    {
        var late = EvacuationSample.Running(
            3,
            EvacuationSample.Guest("db-1", EvacuationGuestState.Moved, "is on h2", 40),
            EvacuationSample.Guest("web-1", EvacuationGuestState.Stuck, "h2: needs 8 GiB, 3 GiB are free", 41));
        late.LateGuestIds.Add("web-1");
        var end = new Evacuation(late) { State = EvacuationState.Incomplete, EndedAt = Sample.At(75), Eta = null, Revision = 4 };
        return
        [
            EvacuationSample.Running(
                1, EvacuationSample.Guest("db-1", EvacuationGuestState.Waiting), EvacuationSample.Guest("web-1", EvacuationGuestState.Waiting)),
            EvacuationSample.Running(
                2,
                EvacuationSample.Guest("db-1", EvacuationGuestState.Moving, "on its way to h2, attempt 1", 2),
                EvacuationSample.Guest("web-1", EvacuationGuestState.Waiting)),
            late,
            end,
        ];
    }

    private void Play(Evacuation[] story) => _server.OnStream<WatchEvacuationRequest, WatchEvacuationResponse>(async (_, stream, cancellation) =>
    {
        foreach (var evacuation in story)
        {
            await stream.WriteAsync(new WatchEvacuationResponse { Evacuation = evacuation }, cancellation);
        }
    });

    [GeneratedRegex("^[0-9]{2}:[0-9]{2}:[0-9]{2}Z", RegexOptions.Multiline)]
    private static partial Regex TimePattern();
}
