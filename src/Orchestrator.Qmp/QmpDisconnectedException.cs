namespace Orchestrator.Qmp;

/// <summary>Why there is no connection.</summary>
public enum QmpDisconnectReason
{
    /// <summary>No socket at that path, nobody listens on it, or we may not use it: the message tells which.</summary>
    NotListening,

    /// <summary>
    /// The socket accepts but no greeting comes: QEMU serves one client per monitor, so another one holds it, or the
    /// QEMU process is stopped. Trying again later can help.
    /// </summary>
    Busy,

    /// <summary>QEMU ended, or closed the monitor.</summary>
    PeerClosed,

    /// <summary>The peer sent something that is not QMP.</summary>
    ProtocolViolation,

    /// <summary>Our side disposed the connection.</summary>
    Disposed,
}

/// <summary>
/// There is no connection to QEMU. A command that was under way may or may not have been executed: ask again on a new
/// connection before repeating it.
/// </summary>
public sealed class QmpDisconnectedException(QmpDisconnectReason reason, string message, Exception? inner = null)
    : IOException(message, inner)
{
    public QmpDisconnectReason Reason { get; } = reason;
}
