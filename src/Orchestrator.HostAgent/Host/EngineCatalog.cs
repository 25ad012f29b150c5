using System.Collections.Immutable;
using Orchestrator.HostAgent.Guests;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Host;

/// <summary>The engine new guests are started with, and the accelerators believed to work with it.</summary>
internal sealed partial class EngineCatalog(AgentSettings settings, TimeProvider clock, ILogger<EngineCatalog> logger)
{
    private ImmutableSortedSet<string> _accelerators = ["tcg"];

    /// <summary>Null while it could not be probed.</summary>
    public Engine? Default { get; private set; }

    public IReadOnlyList<EngineDescription> Describe() => Default is { } engine ? [engine.Describe(_accelerators)] : [];

    public bool Believes(Accelerator accelerator) => accelerator switch
    {
        Accelerator.Tcg or Accelerator.Unspecified => true,
        Accelerator.Kvm => _accelerators.Contains("kvm"),
    };

    /// <summary>A guest has answered on it.</summary>
    public void Believe(Accelerator accelerator)
    {
        if (accelerator == Accelerator.Kvm)
        {
            ImmutableInterlocked.Update(ref _accelerators, known => known.Add("kvm"));
        }
    }

    /// <summary>The engine, probed again if that has failed before.</summary>
    /// <exception cref="QemuStartException">It does not run; the message has its words.</exception>
    public async Task<Engine> GetAsync(CancellationToken cancellation)
    {
        if (Default is { } known)
        {
            return known;
        }

        var engine = await EngineProbe.RunAsync(settings.QemuProgram, settings.RuntimeFolder, clock, cancellation);
        Default = engine;
        LogFound(engine.Program, engine.Version);
        return engine;
    }

    /// <summary>The same at the start of the agent: with a broken engine it serves all the same, since guests may be running.</summary>
    public async Task OpenAsync(CancellationToken cancellation)
    {
        try
        {
            await GetAsync(cancellation);
        }
        catch (QemuStartException broken)
        {
            LogBroken(broken.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "New guests are run by {Program}, QEMU {Version}.")]
    private partial void LogFound(string program, string version);

    [LoggerMessage(2, LogLevel.Error, "No guest can be started on this host: {Reason}")]
    private partial void LogBroken(string reason);
}
