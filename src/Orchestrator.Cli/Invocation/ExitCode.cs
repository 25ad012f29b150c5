namespace Orchestrator.Cli.Invocation;

/// <summary>What the process leaves with; scripts rely on the values.</summary>
internal enum ExitCode
{
    Ok = 0,

    /// <summary>The server said no, or the migration did not end as completed.</summary>
    Refused = 1,

    /// <summary>The command line or a file is wrong; nothing was asked.</summary>
    Usage = 2,

    Unreachable = 3,

    /// <summary>128 + SIGINT, as shells have it.</summary>
    Interrupted = 130,

    /// <summary>128 + SIGPIPE: whoever read the output has left, as "head" does.</summary>
    OutputClosed = 141,
}
