using System.Text;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Migrations;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Tests.Migrations;

public sealed class JournalTests : IDisposable
{
    private static readonly DateTimeOffset s_at = new(2026, 2, 3, 4, 5, 6, TimeSpan.Zero);

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"oj{Random.Shared.Next():x8}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Fact]
    public void Open_WhatWasAppended_ComesBackAsItWas()
    {
        JournalEntry[] written =
        [
            new JournalEntry.Opened(s_at, Guid.NewGuid(), SessionRole.Source, "g\"1", "7.2.22 (Debian 1:7.2+dfsg)", true),
            new JournalEntry.Begun(s_at, new ExecuteRequest
            {
                MigrationId = "m", Epoch = ulong.MaxValue, CommandId = 3,
                AdjustSource = new AdjustSource { DowntimeLimit = TimeSpan.FromMilliseconds(1500).ToDuration(), MaxBytesPerSecond = 0 },
            }),
            new JournalEntry.Answered(s_at, 3, new ExecuteResponse { ListenUri = "tcp:[::1]:1", Report = new MigrationReport { Sequence = 5 } }),
            new JournalEntry.Refused(
                s_at, new ExecuteRequest { CommandId = 4 }, AgentError.EngineRefused, "no\nway", new Dictionary<string, string> { ["state"] = "x" }),
            new JournalEntry.EpochRaised(s_at, 9),
            new JournalEntry.Listening(s_at, "tcp:127.0.0.1:1"),
            new JournalEntry.Started(s_at),
            new JournalEntry.EngineSaid(s_at, "active", ""),
            new JournalEntry.SwitchingOver(s_at),
            new JournalEntry.GuestStopped(s_at),
            new JournalEntry.GuestResumed(s_at),
            new JournalEntry.HandedOver(s_at, 9, "completed"),
            new JournalEntry.SequenceReserved(s_at, 1000),
            new JournalEntry.Ended(s_at, SessionOutcome.Completed, "", new TransferNumbers { TransferredBytes = ulong.MaxValue }),
            new JournalEntry.Closed(s_at),
            new JournalEntry.DecidedAlone(
                s_at,
                new Decision { Sequence = 1, Rule = "pacing.exponential", Inputs = { ["limit_ms"] = "30" } },
                new ExecuteRequest { PauseSource = new PauseSource { MaxPause = TimeSpan.FromSeconds(1).ToDuration() } }),
            new JournalEntry.AloneDone(s_at, 1, DecisionOutcome.Refused, "no\nway"),
        ];
        var (journal, none) = Journal.Open(_folder);
        Assert.Empty(none);
        foreach (var entry in written)
        {
            journal.Append(entry);
        }

        journal.Dispose();
        var read = Journal.Open(_folder).Entries;

        Assert.Equal(written.Length, read.Count);
        foreach (var (before, after) in written.Zip(read))
        {
            Assert.Equal(before.ToString(), after.ToString());
        }

        Assert.Equal("x", read.OfType<JournalEntry.Refused>().Single().Facts["state"]);
    }

    [Fact]
    public void Open_WithoutAJournal_MakesNothing()
    {
        Journal.Open(_folder).Journal.Dispose();

        Assert.False(Directory.Exists(_folder));
    }

    [Theory]
    [InlineData("{\"kind\":\"started\",\"At\":\"2026-0")]
    [InlineData("{\"kind\":\"started\",\"At\":\"2026-0\n")]
    [InlineData("\0\0\0\0\n")]
    public void Open_TornLastLine_IsCutOffAndWritingGoesOn(string torn)
    {
        Append(new JournalEntry.Started(s_at));
        File.AppendAllText(JournalFile, torn);

        Assert.Equal([new JournalEntry.Started(s_at)], Journal.Open(_folder).Entries);
        Append(new JournalEntry.Closed(s_at));
        Assert.Equal([new JournalEntry.Started(s_at), new JournalEntry.Closed(s_at)], Journal.Open(_folder).Entries);
    }

    [Fact]
    public void Open_EveryCut_LeavesWhatWasWhole()
    {
        Append(new JournalEntry.Started(s_at));
        Append(new JournalEntry.EngineSaid(s_at, "active", "é"));
        var whole = File.ReadAllBytes(JournalFile);
        var first = whole.AsSpan().IndexOf((byte)'\n') + 1;
        for (var length = 0; length < whole.Length; length++)
        {
            var entries = Journal.Parse(whole.AsSpan(0, length), out var sound);
            Assert.Equal(length < first ? 0 : 1, entries.Count);
            Assert.Equal(length < first ? 0 : first, sound);
        }
    }

    [Fact]
    public void Open_DamageInTheMiddle_IsNotReadPast()
    {
        Append(new JournalEntry.Started(s_at));
        File.AppendAllText(JournalFile, "nonsense\n");
        File.AppendAllText(JournalFile, Encoding.UTF8.GetString(File.ReadAllBytes(JournalFile)).Split('\n')[0] + "\n");

        var damaged = Assert.Throws<JournalDamagedException>(() => Journal.Open(_folder));
        Assert.Contains("line 2", damaged.Message, StringComparison.Ordinal);
    }

    private string JournalFile => Path.Combine(_folder, Journal.FileName);

    private void Append(JournalEntry entry)
    {
        using var journal = Journal.Open(_folder).Journal;
        journal.Append(entry);
    }
}
