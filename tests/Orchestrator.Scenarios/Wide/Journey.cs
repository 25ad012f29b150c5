using Orchestrator.BootGuest;
using Orchestrator.LocalFleet.Processes;

namespace Orchestrator.Scenarios.Wide;

/// <summary>Listens to a guest on every host of a fleet, however often it moves. Begun before the guest starts.</summary>
internal sealed class Journey : IAsyncDisposable
{
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(20);
    private readonly CancellationTokenSource _ending = new();
    private readonly Lock _gate = new();
    private readonly List<Stay> _stays = [];
    private readonly Task _listening;

    public Journey(string guestId, IReadOnlyList<AgentServer> hosts) =>
        _listening = Task.WhenAll(hosts.Select(host => ListenAsync(host, guestId)));

    /// <summary>Consoles on which the guest was heard, in the order in which it was.</summary>
    public IReadOnlyList<Stay> Stays
    {
        get
        {
            lock (_gate)
            {
                return [.. _stays.Where(stay => stay.FirstBeat is not null).OrderBy(stay => stay.FirstBeat)];
            }
        }
    }

    /// <summary>Engines that were started for it, whether it ever ran there or not: each makes a socket of its own.</summary>
    public int Engines
    {
        get
        {
            lock (_gate)
            {
                return _stays.Select(stay => (stay.HostId, stay.MadeAt)).Distinct().Count();
            }
        }
    }

    /// <summary>The guest beats on, on that host and now.</summary>
    public async Task BeatsOnAsync(string hostId, CancellationToken patience)
    {
        while (true)
        {
            Stay? last;
            lock (_gate)
            {
                last = _stays.LastOrDefault(stay => stay.HostId == hostId);
            }

            if (last?.LastBeat is { } before)
            {
                try
                {
                    await last.Console.WaitForBeatAsync(beat => beat.Counter > before.Counter && beat.Round > before.Round, patience);
                    return;
                }
                catch (EndOfStreamException)
                {
                    // That one was an earlier stay.
                }
            }

            await Task.Delay(s_lookAgain, TimeProvider.System, patience);
        }
    }

    /// <summary>One copy at a time, no beat lost or repeated, no page lost: over all its stays.</summary>
    /// <returns>The longest wait between two beats.</returns>
    public TimeSpan AssertUnbroken()
    {
        var stays = Stays.Select(stay => stay.Console.Transcript).ToList();
        Assert.NotEmpty(stays);
        var longest = TimeSpan.Zero;
        foreach (var (from, to) in stays.Count == 1 ? [(stays[0], ConsoleTranscript.Empty)] : stays.Zip(stays.Skip(1)))
        {
            var trace = HeartbeatTrace.Between(from, to);
            Assert.True(
                trace.Verdict == (stays.Count == 1 ? GuestVerdict.NotOnTarget : GuestVerdict.Intact),
                $"{trace}\nlast: {string.Join(" | ", from.Lines.TakeLast(3))} | {from.Unfinished}\n"
                + $"first: {string.Join(" | ", to.Lines.Take(3))}\nlistened from: {string.Join(", ", Stays.Select(stay => stay.HeardSince))}");
            longest = trace.Outage.Longest > longest ? trace.Outage.Longest : longest;
        }

        return longest;
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _listening;
        foreach (var stay in _stays)
        {
            await stay.Console.DisposeAsync();
        }

        _ending.Dispose();
    }

    private async Task ListenAsync(AgentServer host, string guestId)
    {
        var socket = Path.Combine(host.RuntimeFolder, "guests", guestId, "serial.sock");
        try
        {
            while (true)
            {
                // A connection attempt to a socket that is not there yet costs an exception; a look at the folder does not.
                while (!File.Exists(socket))
                {
                    await Task.Delay(s_lookAgain, TimeProvider.System, _ending.Token);
                }

                var madeAt = File.GetCreationTimeUtc(socket);
                var console = await HeartbeatReader.ConnectAsync(socket, TimeProvider.System, _ending.Token);
                lock (_gate)
                {
                    _stays.Add(new Stay(host.HostId, madeAt, console) { HeardSince = TimeProvider.System.GetElapsedTime(0) });
                }

                await foreach (var _ in console.LinesAsync(_ending.Token))
                {
                    // To its end: a guest that comes back has another console.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody wants to know any more.
        }
    }
}

/// <summary>One console of a guest, from its engine's start to its end.</summary>
/// <param name="MadeAt">When the engine made its socket; an engine that is going may take a reader once more.</param>
internal sealed record Stay(string HostId, DateTime MadeAt, HeartbeatReader Console)
{
    /// <summary>By the same clock as the times of its lines.</summary>
    public TimeSpan HeardSince { get; init; }

    public TimeSpan? FirstBeat => Console.Transcript.Lines.FirstOrDefault(line => line.Line is SerialLine.Beat)?.At;

    public Heartbeat? LastBeat => (Console.Transcript.Lines.LastOrDefault(line => line.Line is SerialLine.Beat)?.Line as SerialLine.Beat)?.Heartbeat;
}
