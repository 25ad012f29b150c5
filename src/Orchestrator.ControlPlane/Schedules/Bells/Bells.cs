using System.Collections.Immutable;

namespace Orchestrator.ControlPlane.Schedules.Bells;

/// <summary>
/// Brings the ringing to whoever listens in this process. To ring is cheap, never waits and carries nothing: whoever listens looks at the
/// truth. Rung again before anybody looked is rung once.
/// </summary>
internal sealed class Bells
{
    private readonly ImmutableArray<BellCord> _cords = [.. Enum.GetValues<Bell>().Select(_ => new BellCord())];

    public void Ring(Bell bell) => _cords[(int)bell].Pull();

    /// <summary>Hears what rings from here on, until it is disposed.</summary>
    public BellListener Listen(Bell bell) => _cords[(int)bell].Listen();
}
