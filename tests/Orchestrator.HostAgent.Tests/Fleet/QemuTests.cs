namespace Orchestrator.HostAgent.Tests.Fleet;

/// <summary>Tests that run QEMU do so one after the other: each guest may want a whole processor.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public static class QemuTests
{
    public const string Name = "QEMU";
}
