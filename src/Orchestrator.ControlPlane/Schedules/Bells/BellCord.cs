using System.Collections.Immutable;
using System.Threading.Channels;

namespace Orchestrator.ControlPlane.Schedules.Bells;

/// <summary>One bell and whoever listens to it in this process.</summary>
internal sealed class BellCord
{
    private ImmutableHashSet<BellListener> _listeners = [];

    public void Pull()
    {
        foreach (var listener in Volatile.Read(ref _listeners))
        {
            listener.Hear();
        }
    }

    public BellListener Listen()
    {
        var listener = new BellListener(gone => ImmutableInterlocked.Update(ref _listeners, listeners => listeners.Remove(gone)));
        ImmutableInterlocked.Update(ref _listeners, listeners => listeners.Add(listener));
        return listener;
    }
}

/// <summary>Remembers one ringing, so that none is lost between two waits.</summary>
internal sealed class BellListener(Action<BellListener> leave) : IDisposable
{
    private readonly Channel<bool> _rung = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Ends when the bell has rung since the wait before.</summary>
    public async Task WaitAsync(CancellationToken cancellation) => await _rung.Reader.ReadAsync(cancellation);

    /// <summary>The same, or after a time without a ring.</summary>
    /// <returns>True when it rang.</returns>
    public async Task<bool> WaitAsync(TimeSpan atMost, TimeProvider clock, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(atMost, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            await _rung.Reader.ReadAsync(either.Token);
            return true;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    public void Hear() => _rung.Writer.TryWrite(true);

    public void Dispose() => leave(this);
}
