namespace Orchestrator.ControlPlane;

/// <summary>The control plane cannot start as things are; the message is for the operator and says what to do.</summary>
internal sealed class StartRefusedException : Exception
{
    public StartRefusedException(string message)
        : base(message)
    {
    }

    public StartRefusedException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
