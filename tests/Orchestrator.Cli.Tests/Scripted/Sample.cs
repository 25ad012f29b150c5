using Google.Protobuf.WellKnownTypes;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Scripted;

/// <summary>Messages as a server sends them. Each call makes a new one that a test may change.</summary>
internal static class Sample
{
    public const string MigrationId = "3f2b8c1e-7d7a-4a57-9c55-0d3f5a1b2c3d";
    public const ulong MiB = 1024 * 1024;

    private static readonly DateTime s_start = new(2026, 8, 1, 12, 3, 0, DateTimeKind.Utc);

    public static Timestamp At(double seconds) => Timestamp.FromDateTime(s_start.AddSeconds(seconds));

    public static Duration Ms(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds).ToDuration();

    public static Host Host(string id = "h1") => new()
    {
        HostId = id,
        AgentEndpoint = "http://10.0.0.11:7444",
        Labels = { ["zone"] = "b", ["rack"] = "r12" },
        State = HostState.Connected,
        RegisteredAt = At(-3600),
        LastSeenAt = At(0),
        StateSince = At(-3600),
        Use = new HostUse
        {
            Guests = 3,
            MemoryGuestsBytes = 4096 * MiB,
            MemoryReservedBytes = 512 * MiB,
            VcpusGuests = 6,
            MigrationsOut = 1,
            MigrationsIn = 2,
        },
        Description = new HostDescription
        {
            HostId = id,
            MemoryAllocatableBytes = 15360 * MiB,
            VcpusAllocatable = 64,
            AgentVersion = "1.2.0",
            MemoryTotalBytes = 16384 * MiB,
            MemoryAvailableBytes = 12288 * MiB,
            Cpus = 8,
            CpuModel = "Xeon",
            KernelRelease = "6.1.0",
            MigrationAddress = "10.0.0.11",
            Uptime = Ms(90_000),
            Engines =
            {
                new EngineDescription
                {
                    Kind = "qemu",
                    Version = "7.2.22 (Debian 1:7.2+dfsg-7)",
                    Program = "/usr/bin/qemu-system-x86_64",
                    Accelerators = { "tcg" },
                    Features = { "switchover-ack" },
                },
            },
        },
    };

    public static Guest Guest(string id = "web-1", GuestState state = GuestState.Running) => new()
    {
        GuestId = id,
        State = state,
        HostId = state == GuestState.ShutOff ? "" : "h1",
        DefinedAt = At(-600),
        StateSince = At(-60),
        Spec = new MachineSpec
        {
            MemoryBytes = 512 * MiB,
            Vcpus = 2,
            MachineType = "q35",
            Accelerator = Accelerator.Tcg,
            BootGuest = new BootGuest { WorkingSetBytes = 64 * MiB, DirtyBytesPerSecond = 20 * MiB },
        },
    };

    public static PolicyDocument Document() => new()
    {
        Description = "Climb, then give up.",
        InitialDowntime = Ms(30),
        MaxDowntime = Ms(400),
        Exponential = new ExponentialPacing { Factor = 1.5, Time = Ms(5000) },
        Steps =
        {
            new LadderStep { RaiseDowntime = new RaiseDowntime() },
            new LadderStep
            {
                When = { new Trigger { Stalled = new Stalled { Rounds = 3 } }, new Trigger { ElapsedAbove = Ms(90_000) } },
                Abort = new Abort(),
            },
        },
        Bandwidth = new BandwidthTerms { MaxBytesPerSecond = 64 * MiB },
    };

    public static Policy Policy(uint revision = 1) => new()
    {
        Name = "mine",
        Revision = revision,
        Document = Document(),
        CreatedAt = At(0),
    };

    public static Migration Migration(MigrationPhase phase = MigrationPhase.Copying, ulong revision = 1) => new()
    {
        MigrationId = MigrationId,
        GuestId = "web-1",
        SourceHostId = "h1",
        TargetHostId = "h2",
        Policy = "predictive",
        PolicyRevision = 3,
        Mode = MigrationMode.Live,
        MaxDowntime = Ms(400),
        Deadline = Ms(600_000),
        RequestedBy = "ops: new kernel",
        Phase = phase,
        PhaseSince = At(1),
        CreatedAt = At(0),
        Revision = revision,
        Epoch = 1,
        GuestWasRunning = true,
        Engine = "qemu",
        SourceEngineVersion = "7.2.22",
        TargetEngineVersion = "7.2.22",
    };

    public static Migration Completed(ulong revision = 9)
    {
        var migration = Migration(MigrationPhase.Completed, revision);
        migration.EndedAt = At(12.5);
        migration.Summary = new MigrationSummary
        {
            PredictedDowntime = Ms(310),
            ReportedDowntime = Ms(295),
            ObservedDowntime = Ms(340),
            TotalTime = Ms(12_300),
            BytesTransferred = 1100 * MiB,
            RamBytes = 512 * MiB,
            Passes = 5,
            ThrottlePercent = 20,
            FinalLimit = Ms(350),
        };
        return migration;
    }

    public static Migration Failed()
    {
        var migration = Migration(MigrationPhase.Failed, 9);
        migration.FailureReason = FailureReason.AbortedByPolicy;
        migration.FailureMessage = "The floor of 900 ms does not fit 400 ms.";
        return migration;
    }

    public static Reading Reading(ulong sequence, double at, ulong remainingMiB, uint round) => new()
    {
        Sequence = sequence,
        At = At(at),
        Elapsed = Ms(at * 1000),
        Pass = round,
        PassesHonest = true,
        Round = round,
        RamTotalBytes = 512 * MiB,
        RamRemainingBytes = remainingMiB * MiB,
        RemainingBytes = remainingMiB * MiB,
        TransferredBytes = 100 * MiB,
        BandwidthBytesPerSecond = 110 * MiB,
        SwitchoverBytesPerSecond = 110 * MiB,
        DirtyBytesPerSecond = 30 * MiB,
        ExpectedDowntime = Ms(remainingMiB * 10),
        DowntimeLimit = Ms(300),
        GuestRunning = true,
        EngineStatus = "active",
    };

    public static Decision Decision(uint sequence = 1, DecisionOutcome outcome = DecisionOutcome.Applied) => new()
    {
        Sequence = sequence,
        At = At(2 + sequence),
        Elapsed = Ms(2100),
        Action = DecisionAction.SetDowntimeLimit,
        Origin = DecisionOrigin.Policy,
        Rule = "predictive.fit",
        Reason = "The floor of 310 ms fits the budget of 400 ms.",
        DowntimeLimit = Ms(350),
        Inputs = { ["remaining"] = "42 MiB", ["budget"] = "400 ms" },
        Policy = "predictive",
        PolicyRevision = 3,
        Outcome = outcome,
        ReportToDecision = Ms(3),
        DecisionToCommand = Ms(1),
    };

    public static MigrationHappening Happening(Migration snapshot) => new() { MigrationId = snapshot.MigrationId, Snapshot = snapshot };

    public static MigrationHappening Happening(Reading reading) => new() { MigrationId = MigrationId, Reading = reading };

    public static MigrationHappening Happening(Decision decision) => new() { MigrationId = MigrationId, Decision = decision };

    public static MigrationHappening Transition(MigrationPhase from, MigrationPhase to, double at, string reason = "") => new()
    {
        MigrationId = MigrationId,
        Transition = new Transition { From = from, To = to, At = At(at), Reason = reason },
    };
}
