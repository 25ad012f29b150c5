using Orchestrator.BootGuest;

namespace Orchestrator.LocalFleet.Processes;

/// <summary>
/// Listens to a guest on both hosts while it moves: what it says itself is the truth that every other figure is held against.
/// </summary>
public sealed class MovingGuest : IAsyncDisposable
{
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(20);
    private readonly CancellationTokenSource _ending;
    private readonly Task<HeartbeatReader?> _target;

    private MovingGuest(HeartbeatReader source, Task<HeartbeatReader?> target, CancellationTokenSource ending)
    {
        Source = source;
        _target = target;
        _ending = ending;
    }

    public HeartbeatReader Source { get; }

    /// <summary>Call it before the migration starts: what is said while nobody listens is lost.</summary>
    public static async Task<MovingGuest> ListenAsync(
        string guestId, AgentServer from, AgentServer to, TimeProvider clock, CancellationToken cancellation)
    {
        var source = await HeartbeatReader.ConnectAsync(SerialSocket(from, guestId), clock, cancellation);
        var ending = new CancellationTokenSource();
        return new MovingGuest(source, AwaitTargetAsync(SerialSocket(to, guestId), clock, ending.Token), ending);
    }

    /// <summary>The guest's console on the target, as soon as it is there.</summary>
    public async Task<HeartbeatReader> TargetAsync(CancellationToken cancellation) =>
        await _target.WaitAsync(cancellation) ?? throw new ObjectDisposedException(nameof(MovingGuest));

    public HeartbeatTrace Trace() => HeartbeatTrace.Between(
        Source.Transcript,
        _target is { IsCompletedSuccessfully: true, Result: { } target } ? target.Transcript : ConsoleTranscript.Empty);

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        if (await _target is { } target)
        {
            await target.DisposeAsync();
        }

        await Source.DisposeAsync();
        _ending.Dispose();
    }

    private static string SerialSocket(AgentServer agent, string guestId) =>
        Path.Combine(agent.RuntimeFolder, "guests", guestId, "serial.sock");

    private static async Task<HeartbeatReader?> AwaitTargetAsync(string socket, TimeProvider clock, CancellationToken ending)
    {
        try
        {
            // A connection attempt to a socket that is not there yet costs an exception; a look at the folder does not.
            while (!File.Exists(socket))
            {
                await Task.Delay(s_lookAgain, clock, ending);
            }

            return await HeartbeatReader.ConnectAsync(socket, clock, ending);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}
