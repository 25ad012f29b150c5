using Google.Protobuf;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Migrations.Following;
using Orchestrator.Cli.Rendering;
using Orchestrator.V1;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Orchestrator.Cli.Migrations.Progress;

/// <summary>
/// Shows a feed as it comes: JSON for programs, a panel that is redrawn where the output is a screen, lines where it is not.
/// </summary>
internal sealed class ProgressDisplay(Session session, bool many)
{
    private readonly ProgressLines _lines = new(many, withReadings: session.Terminal.Screen is null);
    private Migration? _latest;
    private string? _outage;

    /// <param name="follow">Runs a feed that tells the given listener.</param>
    /// <returns>The last snapshot; null when there was none.</returns>
    public async Task<Migration?> ShowAsync(Func<Action<FeedEvent>, Task> follow)
    {
        if (session.Format == OutputFormat.Json)
        {
            await follow(ShowJson);
        }
        else if (session.Terminal.Screen is { } screen)
        {
            await ShowLiveAsync(screen, follow);
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

    private void ShowJson(FeedEvent happened)
    {
        Remember(happened);
        if (happened is FeedEvent.Happened(var happening))
        {
            IMessage message = many
                ? new WatchMigrationsResponse { Happening = happening }
                : new WatchMigrationResponse { Happening = happening };
            session.Terminal.Say(JsonText.Line(message));
        }
    }

    private Task ShowLiveAsync(IAnsiConsole screen, Func<Action<FeedEvent>, Task> follow) =>
        screen.Live(Picture(screen)).AutoClear(true).StartAsync(live => follow(happened =>
        {
            Remember(happened);
            foreach (var line in _lines.After(happened))
            {
                // As wide as the screen, since it is written over the picture, which is not erased.
                screen.Write(new Padder(new Text(Prose.Printable(line)), new Padding(0)).Expand());
            }

            live.UpdateTarget(Picture(screen));
        }));

    private IRenderable Picture(IAnsiConsole screen)
    {
        var unicode = screen.Profile.Capabilities.Unicode;
        return many ? FleetTable.Render(_lines.Views.Where(view => !MigrationEnd.IsReached(view.Phase)), _outage, unicode)
            : _lines.Views.FirstOrDefault() is { } view ? MigrationPanel.Render(view, _outage, unicode)
            : new Panel("waiting for the first word of it");
    }

    private void Remember(FeedEvent happened)
    {
        switch (happened)
        {
            case FeedEvent.Happened({ Snapshot: { } snapshot }):
                _latest = snapshot;
                break;
            case FeedEvent.Lost(var why, _):
                _outage = $"lost ({why.TrimEnd('.')}); the migration goes on, trying again";
                break;
            case FeedEvent.Restored:
                _outage = null;
                break;
        }
    }
}
