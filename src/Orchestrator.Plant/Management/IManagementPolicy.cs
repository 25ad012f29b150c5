using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;

namespace Orchestrator.Plant.Management;

/// <summary>
/// What a management layer does with a running migration: it looks now and then, or at the end of a pass, and turns the engine's knobs. One
/// object is one migration; it sees the engine only through what it is given.
/// </summary>
public interface IManagementPolicy
{
    /// <summary>How it starts the migration. Called once, before anything else.</summary>
    EngineSetup SetUp(MigrationDescription migration);

    /// <summary>When it wants to look next, since the copy began; null = never again. Read before the start and after every look and every pass.</summary>
    TimeSpan? NextLook { get; }

    /// <summary>True when it wants to be told of the engine's MIGRATION_PASS events too.</summary>
    bool FollowsPasses { get; }

    /// <summary>At the time it asked for.</summary>
    void Look(EngineView view, IEngineControls engine);

    /// <summary>At a MIGRATION_PASS event, when it follows them.</summary>
    void SeePass(EngineView view, IEngineControls engine);
}
