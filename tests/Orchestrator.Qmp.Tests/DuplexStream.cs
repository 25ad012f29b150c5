using System.IO.Pipelines;

namespace Orchestrator.Qmp.Tests;

/// <summary>One end of a connection in memory. Disposing it is what closing a socket is to the other end.</summary>
internal sealed class DuplexStream : Stream
{
    private readonly Stream _incoming;
    private readonly Stream _outgoing;

    private DuplexStream(Pipe incoming, Pipe outgoing)
    {
        _incoming = incoming.Reader.AsStream();
        _outgoing = outgoing.Writer.AsStream();
    }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <param name="peerBacklog">Bytes unread by the peer at which the client's writes wait; 0 is never.</param>
    public static (DuplexStream Client, DuplexStream Peer) CreatePair(long peerBacklog)
    {
        Pipe toClient = new(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
        Pipe toPeer = new(new PipeOptions(
            pauseWriterThreshold: peerBacklog, resumeWriterThreshold: peerBacklog, useSynchronizationContext: false));
        return (new DuplexStream(toClient, toPeer), new DuplexStream(toPeer, toClient));
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await _incoming.ReadAsync(buffer, cancellationToken);
        }
        catch (InvalidOperationException)
        {
            // What a pipe says where a socket says that it is disposed.
            throw new ObjectDisposedException(nameof(DuplexStream));
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            await _outgoing.WriteAsync(buffer, cancellationToken);
        }
        catch (InvalidOperationException)
        {
            throw new ObjectDisposedException(nameof(DuplexStream));
        }
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => _outgoing.FlushAsync(cancellationToken);

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _outgoing.Dispose();
            _incoming.Dispose();
        }

        base.Dispose(disposing);
    }
}
