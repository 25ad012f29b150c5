using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Evacuations;

/// <summary>Evacuations as a server sends them. Each call makes a new one that a test may change.</summary>
internal static class EvacuationSample
{
    public const string Id = "7c1d2f3a-9b8e-4c6d-a5f4-1e2d3c4b5a69";

    public static EvacuationPlan Plan() => new()
    {
        Moves =
        {
            Move("db-1", "h2", 1, 0, 40),
            Move("web-1", "h3", 1, 2, 10),
            new PlannedMove(Move("cache-2", "h3", 2, 12, 60)) { Treatment = GuestTreatment.Restart, Bytes = 0 },
        },
        Stuck = { new StuckGuest { GuestId = "gpu-1", SourceHostId = "h1", Message = "h2: has no such device; h3: has no such device" } },
        SkippedGuestIds = { "build-7" },
        Total = Sample.Ms(72_000),
        BandwidthBound = Sample.Ms(60_000),
        LateGuestIds = { "cache-2", "gpu-1" },
        Waves = 2,
    };

    public static PlannedMove Move(string guest, string target, uint wave, double starts, double takes) => new()
    {
        GuestId = guest,
        SourceHostId = "h1",
        TargetHostId = target,
        Treatment = GuestTreatment.Migrate,
        Wave = wave,
        StartsAfter = Sample.Ms(starts * 1000),
        Duration = Sample.Ms(takes * 1000),
        Downtime = guest == "db-1" ? Sample.Ms(310) : null,
        Bytes = 4096 * Sample.MiB,
        Policy = "predictive",
    };

    public static Evacuation Running(ulong revision, params EvacuationGuest[] guests) => new()
    {
        EvacuationId = Id,
        Spec = new EvacuationSpec { HostIds = { "h1" }, Deadline = Sample.At(600), Reason = "new kernel" },
        RequestedBy = "ops",
        State = EvacuationState.Running,
        CreatedAt = Sample.At(0),
        Revision = revision,
        Guests = { guests },
        Hosts = { new EvacuationHost { HostId = "h1", State = EvacuationHostState.Emptying } },
        Eta = Sample.At(90),
    };

    public static Evacuation Ended(EvacuationState state, params EvacuationGuest[] guests) => new(Running(99, guests))
    {
        State = state,
        EndedAt = Sample.At(75),
        Eta = null,
    };

    public static EvacuationGuest Guest(string id, EvacuationGuestState state, string message = "", double since = 1) => new()
    {
        GuestId = id,
        SourceHostId = "h1",
        State = state,
        TargetHostId = state is EvacuationGuestState.Waiting ? "" : "h2",
        Attempts = state is EvacuationGuestState.Waiting ? 0u : 1u,
        MigrationId = state is EvacuationGuestState.Moving ? Sample.MigrationId : "",
        Message = message,
        StateSince = Sample.At(since),
    };
}
