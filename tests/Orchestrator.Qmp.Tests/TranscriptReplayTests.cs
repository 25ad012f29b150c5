using System.Text.Json;

namespace Orchestrator.Qmp.Tests;

/// <summary>Real conversations with QEMU 7.2.22, 10.0.2 and 11.1.3 go through the client without a loss.</summary>
public sealed class TranscriptReplayTests
{
    public static TheoryData<string, string> Sides
    {
        get
        {
            TheoryData<string, string> sides = [];
            foreach (var name in Transcript.Names())
            {
                sides.Add(name, "src");
                sides.Add(name, "dst");
            }

            return sides;
        }
    }

    [Fact]
    public void Names_CountsEveryRecording() => Assert.Equal(44, Transcript.Names().Count());

    [Theory]
    [MemberData(nameof(Sides))]
    public async Task Run_EventsReadAsTheyCome_NothingIsLost(string name, string side)
    {
        var transcript = Transcript.Load(name, side);
        using var replay = new TranscriptReplay(transcript);
        await replay.RunAsync(readEventsAtOnce: true);

        Assert.Equal(transcript.Exchanges().Count - 1, replay.Replies.Count);
        Assert.Equal(transcript.Events().Select(Describe), replay.Events.Select(Describe));
        Assert.Equal(name.Split('/')[0], replay.Greeting?.Version);
    }

    [Theory]
    [MemberData(nameof(Sides))]
    public async Task Run_EventsLeftUnread_OnlyOlderPassesAreReplaced(string name, string side)
    {
        var transcript = Transcript.Load(name, side);
        using var replay = new TranscriptReplay(transcript);
        await replay.RunAsync(readEventsAtOnce: false);

        var recorded = transcript.Events();
        var lastPass = recorded.LastOrDefault(IsPass);
        Assert.Equal(
            recorded.Where(happened => !IsPass(happened) || JsonElement.DeepEquals(happened, lastPass)).Select(Describe),
            replay.Events.Select(Describe));

        static bool IsPass(JsonElement happened) => happened.GetProperty("event").GetString() == QmpEvent.MigrationPass;
    }

    [Theory]
    [MemberData(nameof(Sides))]
    public void Parse_EveryReply_LeavesNothingUnreadable(string name, string side)
    {
        var transcript = Transcript.Load(name, side);

        Assert.All(transcript.Returned("query-migrate").Select(MigrationInfo.Parse), migration =>
        {
            Assert.Empty(migration.Unreadable);
            Assert.NotEqual(MigrationStatus.Unknown, migration.Status);
        });
        Assert.All(transcript.Returned("query-migrate-parameters").Select(MigrationParameters.Parse), parameters =>
        {
            Assert.Empty(parameters.Unreadable);
            Assert.Empty(parameters.FindViolations());
        });
        Assert.All(
            transcript.Returned("query-status").Select(reply => VmStatus.Parse(new ReplyReader("query-status", reply))),
            guest => Assert.NotEqual(RunState.Unknown, guest.State));
    }

    private static string Describe(JsonElement recorded)
    {
        var timestamp = recorded.GetProperty("timestamp");
        var at = DateTimeOffset.FromUnixTimeSeconds(timestamp.GetProperty("seconds").GetInt64())
            .AddMicroseconds(timestamp.GetProperty("microseconds").GetInt64());
        var data = recorded.TryGetProperty("data", out var given) ? given.GetRawText() : "{}";
        return $"{at:O} {recorded.GetProperty("event").GetString()} {data}";
    }

    private static string Describe(QmpEvent happened) => $"{happened.Timestamp:O} {happened.Name} {happened.Data.GetRawText()}";
}
