using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations.Progress;

/// <summary>What is known of one migration: its latest snapshot, phase and reading.</summary>
/// <param name="LargestBytes">The most that has been seen to remain, at least the guest's memory: the whole of the bar.</param>
internal sealed record MigrationView(Migration Migration, MigrationPhase Phase, Reading? Reading, ulong LargestBytes)
{
    public static MigrationView Of(string migrationId) =>
        new(new Migration { MigrationId = migrationId }, MigrationPhase.Unspecified, null, 0);

    /// <summary>Share of the copy that is done, 0 to 1; null before the first reading.</summary>
    public double? Done =>
        Reading is null || LargestBytes == 0 ? null : 1 - ((double)Math.Min(Reading.RemainingBytes, LargestBytes) / LargestBytes);

    public MigrationView After(MigrationHappening happening) => happening.WhatCase switch
    {
        MigrationHappening.WhatOneofCase.Snapshot => AfterSnapshot(happening.Snapshot),
        MigrationHappening.WhatOneofCase.Transition => this with { Phase = happening.Transition.To },
        MigrationHappening.WhatOneofCase.Reading => AfterReading(happening.Reading),
        MigrationHappening.WhatOneofCase.Decision or MigrationHappening.WhatOneofCase.None => this,
    };

    private MigrationView AfterSnapshot(Migration snapshot)
    {
        if (snapshot.Revision < Migration.Revision)
        {
            return this;
        }

        var taken = this with { Migration = snapshot, Phase = snapshot.Phase };

        // The stream's readings are newer than the one a snapshot carries.
        return snapshot.LatestReading is { } reading && (Reading is null || reading.Sequence > Reading.Sequence)
            ? taken.AfterReading(reading)
            : taken;
    }

    private MigrationView AfterReading(Reading reading) => this with
    {
        Reading = reading,
        LargestBytes = Math.Max(LargestBytes, Math.Max(reading.RemainingBytes, reading.RamTotalBytes)),
    };
}
