namespace Orchestrator.Qmp;

/// <summary>Splits QMP's byte stream into messages: QEMU keeps each on one line (unless started with pretty=on).</summary>
internal sealed class QmpLineReader(Stream stream)
{
    /// <summary>Bytes. The longest reply there is, query-qmp-schema, has about 250 kB.</summary>
    public const int LongestLine = 16 * 1024 * 1024;

    private const int SmallBuffer = 16 * 1024;
    private const int LargestKeptBuffer = 512 * 1024;

    private byte[] _buffer = new byte[SmallBuffer];
    private int _start;
    private int _end;

    /// <summary>True when the stream ended in the middle of a line.</summary>
    public bool CutShort { get; private set; }

    /// <returns>A line without its end, valid until the next call; null at the end of the stream. Blank lines are skipped.</returns>
    /// <exception cref="InvalidDataException">A line is longer than <see cref="LongestLine"/>.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellation)
    {
        var scanned = _start;
        while (true)
        {
            var length = _buffer.AsSpan(scanned, _end - scanned).IndexOf((byte)'\n');
            if (length >= 0)
            {
                var line = _buffer.AsMemory(_start, scanned + length - _start);
                _start = scanned = scanned + length + 1;
                if (line.Length > LongestLine)
                {
                    throw TooLong();
                }

                if (!line.Span.TrimEnd(" \t\r"u8).IsEmpty)
                {
                    return line;
                }

                continue;
            }

            MakeRoom();
            scanned = _end;
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellation);
            if (read == 0)
            {
                CutShort = _end > _start;
                return null;
            }

            _end += read;
        }
    }

    /// <summary>Moves what is unread to the front, then grows if that was not enough. Shrinks after a giant.</summary>
    private void MakeRoom()
    {
        var unread = _end - _start;
        if (unread > LongestLine)
        {
            throw TooLong();
        }

        var size = _buffer.Length;
        if (unread == 0 && size > LargestKeptBuffer)
        {
            size = SmallBuffer;
        }
        else if (unread == size)
        {
            size *= 2;
        }

        var target = size == _buffer.Length ? _buffer : new byte[size];
        _buffer.AsSpan(_start, unread).CopyTo(target);
        (_buffer, _start, _end) = (target, 0, unread);
    }

    private static InvalidDataException TooLong() => new($"a line is longer than {LongestLine} bytes");
}
