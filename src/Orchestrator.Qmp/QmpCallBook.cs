using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Orchestrator.Qmp;

/// <summary>The commands under way on one connection: who waits for which reply, and how many QEMU may have at a time.</summary>
internal sealed class QmpCallBook
{
    // The specification's bound: with more, QEMU stops reading, and an out-of-band command behind them is not seen.
    public const int MostInBandCommands = 8;

    // QEMU was seen (10.0, 11.1) to send the reply to a command of the client before to the next one. Ids that no other
    // connection has used keep it from being taken for ours.
    private readonly string _idPrefix = RandomNumberGenerator.GetHexString(8, lowercase: true);
    private readonly Dictionary<string, QmpCall> _unanswered = [];
    private readonly Channel<QmpCall> _inBandSlots = Channel.CreateBounded<QmpCall>(MostInBandCommands);
    private readonly Lock _lock = new();
    private long _lastId;
    private bool _closed;

    /// <summary>Waits for a slot when the command goes in band, and enters it.</summary>
    /// <returns>Null when the book is closed: the connection is lost.</returns>
    public async ValueTask<QmpCall?> EnterAsync(
        string command, bool outOfBand, JsonObject? arguments, CancellationToken cancellation)
    {
        var call = QmpCall.Create($"{_idPrefix}-{Interlocked.Increment(ref _lastId)}", command, outOfBand, arguments);
        if (!outOfBand && !await TakeSlotAsync(call, cancellation))
        {
            return null;
        }

        lock (_lock)
        {
            if (_closed)
            {
                return null;
            }

            _unanswered.Add(call.Id, call);
            return call;
        }
    }

    /// <summary>Takes out the call a reply is for.</summary>
    /// <returns>Null when there is none.</returns>
    public QmpCall? Answer(string? id)
    {
        QmpCall? call;
        lock (_lock)
        {
            if (id is null || !_unanswered.Remove(id, out call))
            {
                return null;
            }
        }

        if (!call.OutOfBand)
        {
            _inBandSlots.Reader.TryRead(out _);
        }

        return call;
    }

    /// <summary>Takes out a call whose caller gave up before it was sent.</summary>
    public void Withdraw(QmpCall call) => Answer(call.Id);

    /// <summary>Everyone who waits, for a reply or for a slot, has lost.</summary>
    public void Close()
    {
        List<QmpCall> lost;
        lock (_lock)
        {
            _closed = true;
            lost = [.. _unanswered.Values];
            _unanswered.Clear();
        }

        _inBandSlots.Writer.TryComplete();
        lost.ForEach(call => call.Lose());
    }

    private async ValueTask<bool> TakeSlotAsync(QmpCall call, CancellationToken cancellation)
    {
        try
        {
            await _inBandSlots.Writer.WriteAsync(call, cancellation);
            return true;
        }
        catch (ChannelClosedException)
        {
            return false;
        }
    }
}
