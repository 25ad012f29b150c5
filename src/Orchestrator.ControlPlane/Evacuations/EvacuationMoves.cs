using System.Globalization;

namespace Orchestrator.ControlPlane.Evacuations;

/// <summary>Ids of an evacuation's migrations: they follow from the attempt, so that whoever begins an attempt again begins the same migration.</summary>
internal static class EvacuationMoves
{
    private static readonly Guid s_space = new("5d0f2b5e-5b1c-4f0e-9d53-6c1f6f0a7e94");

    public static Guid IdOf(Guid evacuationId, string guestId, int attempt) =>
        NameBasedId.Create(s_space, string.Create(CultureInfo.InvariantCulture, $"{evacuationId}\n{guestId}\n{attempt}"));
}
