using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Ledger;

/// <summary>The numbers of a reading that were its own, as the column has them: number n is bit n - 1.</summary>
internal static class FreshMask
{
    public static int Of(IEnumerable<ReadingNumber> fresh) => fresh.Aggregate(0, (mask, number) => mask | Bit(number));

    public static IEnumerable<ReadingNumber> Read(int mask) =>
        Enum.GetValues<ReadingNumber>().Where(number => (mask & Bit(number)) != 0);

    private static int Bit(ReadingNumber number) => number is ReadingNumber.Unspecified ? 0 : 1 << ((int)number - 1);
}
