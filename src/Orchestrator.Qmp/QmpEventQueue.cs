using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace Orchestrator.Qmp;

/// <summary>
/// Events nobody has read yet, in order. A reader that is late or absent costs a bounded amount of memory and never
/// holds up replies: of MIGRATION_PASS only the latest stays (QEMU 11.1 with postcopy-ram sends ten a second and more), and
/// beyond the bounds the oldest goes.
/// </summary>
internal sealed class QmpEventQueue : ChannelReader<QmpEvent>
{
    public const int MostEvents = 1024;
    public const int MostBytes = 16 * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly LinkedList<(QmpEvent Event, int Bytes)> _unread = new();
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LinkedListNode<(QmpEvent Event, int Bytes)>? _unreadPass;
    private TaskCompletionSource<bool>? _arrival;
    private long _bytes;
    private long _dropped;
    private bool _completed;

    public override Task Completion => _completion.Task;

    public override bool CanCount => true;

    public override int Count
    {
        get
        {
            lock (_lock)
            {
                return _unread.Count;
            }
        }
    }

    /// <summary>Events lost because nobody read them; replaced passes do not count.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <param name="bytes">The size of its message.</param>
    public void Add(QmpEvent happened, int bytes)
    {
        TaskCompletionSource<bool>? arrival;
        lock (_lock)
        {
            var isPass = happened.Name == QmpEvent.MigrationPass;
            if (isPass && _unreadPass is { } older)
            {
                Remove_NeedsLock(older);
            }

            var added = _unread.AddLast((happened, bytes));
            _bytes += bytes;
            _unreadPass = isPass ? added : _unreadPass;
            while ((_unread.Count > MostEvents || _bytes > MostBytes) && _unread.First is { } oldest && oldest != added)
            {
                Remove_NeedsLock(oldest);
                Interlocked.Increment(ref _dropped);
            }

            (arrival, _arrival) = (_arrival, null);
        }

        arrival?.TrySetResult(true);
    }

    public void Complete()
    {
        TaskCompletionSource<bool>? arrival;
        lock (_lock)
        {
            _completed = true;
            (arrival, _arrival) = (_arrival, null);
            CompleteWhenDrained_NeedsLock();
        }

        arrival?.TrySetResult(false);
    }

    public override bool TryRead([MaybeNullWhen(false)] out QmpEvent item)
    {
        lock (_lock)
        {
            if (_unread.First is not { } first)
            {
                item = null;
                return false;
            }

            item = first.Value.Event;
            Remove_NeedsLock(first);
            CompleteWhenDrained_NeedsLock();
            return true;
        }
    }

    public override ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<bool>(cancellationToken);
        }

        lock (_lock)
        {
            if (_unread.Count > 0 || _completed)
            {
                return ValueTask.FromResult(_unread.Count > 0);
            }

            _arrival ??= new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            return new ValueTask<bool>(_arrival.Task.WaitAsync(cancellationToken));
        }
    }

    private void Remove_NeedsLock(LinkedListNode<(QmpEvent Event, int Bytes)> node)
    {
        _unread.Remove(node);
        _bytes -= node.Value.Bytes;
        if (node == _unreadPass)
        {
            _unreadPass = null;
        }
    }

    private void CompleteWhenDrained_NeedsLock()
    {
        if (_completed && _unread.Count == 0)
        {
            _completion.TrySetResult();
        }
    }
}
