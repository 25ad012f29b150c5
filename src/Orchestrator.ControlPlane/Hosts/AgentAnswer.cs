namespace Orchestrator.ControlPlane.Hosts;

/// <summary>What came of one question to an agent: its answer, its refusal, or nothing. Nothing means that it may or may not have acted.</summary>
/// <param name="Response">Set when the agent did what it was asked.</param>
/// <param name="RefusedBecause">Reason of AgentError in agent.proto, set when the agent said no; it has not acted then.</param>
/// <param name="Problem">In words; empty with a response.</param>
internal sealed record AgentAnswer<T>(T? Response, string? RefusedBecause, string Problem)
    where T : class;
