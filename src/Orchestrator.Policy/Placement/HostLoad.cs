namespace Orchestrator.Policy.Placement;

/// <summary>What of a host is taken, and what is left.</summary>
/// <param name="MemoryFree">Negative when more is promised than there is.</param>
/// <param name="VcpusFree">Negative when more is promised than there is.</param>
/// <param name="MovesOut">Guests on their way from it.</param>
/// <param name="MovesIn">Guests on their way to it.</param>
public readonly record struct HostLoad(
    int Guests,
    DataSize MemoryGuests,
    DataSize MemoryReserved,
    DataSize MemoryFree,
    int VcpusGuests,
    int VcpusReserved,
    int VcpusFree,
    int MovesOut,
    int MovesIn);
