using Orchestrator.Cli.Evacuations.Following;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Rendering;
using Orchestrator.V1;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Orchestrator.Cli.Evacuations;

/// <summary>
/// Shows an evacuation as it comes: JSON for programs, a picture that is redrawn where the output is a screen, lines where it is not.
/// </summary>
internal sealed class EvacuationDisplay(Session session)
{
    private readonly EvacuationLines _lines = new(withCounts: session.Terminal.Screen is null, session.Terminal.Clock);
    private Evacuation? _latest;
    private string? _outage;

    /// <param name="follow">Runs a feed that tells the given listener.</param>
    /// <returns>How it stood last; null when nothing was told.</returns>
    public async Task<Evacuation?> ShowAsync(Func<Action<EvacuationEvent>, Task> follow)
    {
        if (session.Format == OutputFormat.Json)
        {
            await follow(happened =>
            {
                Remember(happened);
                if (happened is EvacuationEvent.Seen(var evacuation))
                {
                    session.Terminal.Say(JsonText.Line(new WatchEvacuationResponse { Evacuation = evacuation }));
                }
            });
        }
        else if (session.Terminal.Screen is { } screen)
        {
            await screen.Live(Picture(screen)).AutoClear(true).StartAsync(live => follow(happened =>
            {
                Remember(happened);
                foreach (var line in _lines.After(happened))
                {
                    // As wide as the screen, since it is written over the picture, which is not erased.
                    screen.Write(new Padder(new Text(Prose.Printable(line)), new Padding(0)).Expand());
                }

                live.UpdateTarget(Picture(screen));
            }));
        }
        else
        {
            await follow(happened =>
            {
                Remember(happened);
                foreach (var line in _lines.After(happened))
                {
                    session.Terminal.Say(line);
                }
            });
        }

        return _latest;
    }

    private IRenderable Picture(IAnsiConsole screen) => _latest is { } evacuation
        ? EvacuationPanel.Render(evacuation, _outage, screen.Profile.Height, screen.Profile.Capabilities.Unicode)
        : new Panel("waiting for the first word of it");

    private void Remember(EvacuationEvent happened)
    {
        switch (happened)
        {
            case EvacuationEvent.Seen(var evacuation) when _latest is null || evacuation.Revision >= _latest.Revision:
                _latest = evacuation;
                break;
            case EvacuationEvent.Lost(var why, _):
                _outage = $"lost ({why.TrimEnd('.')}); the evacuation goes on, trying again";
                break;
            case EvacuationEvent.Restored:
                _outage = null;
                break;
        }
    }
}
