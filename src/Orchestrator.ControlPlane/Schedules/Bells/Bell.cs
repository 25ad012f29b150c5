namespace Orchestrator.ControlPlane.Schedules.Bells;

/// <summary>What is rung for by the clock. Each is rung on one replica of the cluster only, so what must happen on all is none of these.</summary>
internal enum Bell
{
    /// <summary>What is older than it is kept goes; storage for the days to come is made.</summary>
    Retention,

    /// <summary>Look for leases that ran out.</summary>
    LeaseSweep,

    /// <summary>Look at hosts that were not heard of.</summary>
    HostProbe,

    /// <summary>Look whether something that waits in the queue may go.</summary>
    Queue,

    /// <summary>Look for schedules that are due, and for what was begun and not finished.</summary>
    Schedules,
}
