using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Plant.Tests.Recordings;

/// <summary>Does to the model what the recording's driver did to QEMU, at the same times, and asks every 200 ms as it did.</summary>
internal sealed class RecordedDriver(Recording recording) : IManagementPolicy
{
    private static readonly TimeSpan s_beat = TimeSpan.FromMilliseconds(200);

    private readonly Queue<RecordedCommand> _commands = new(recording.Commands.Where(command => command.At > 0));
    private readonly List<EngineView> _views = [];
    private TimeSpan _nextBeat = s_beat;

    public bool FollowsPasses => false;

    public TimeSpan? NextLook => _commands.TryPeek(out var command) && At(command) < _nextBeat ? At(command) : _nextBeat;

    public IReadOnlyList<EngineView> Views => _views;

    public EngineSetup SetUp(MigrationDescription migration)
    {
        var before = recording.Commands.Where(command => command.At <= 0).ToList();
        long Last(string parameter, long usual) => before.Select(command => command.Number(parameter)).LastOrDefault(value => value is not null) ?? usual;
        return new EngineSetup
        {
            AutoConverge = before.Exists(command => command.SwitchesOn("auto-converge")),
            PostCopy = before.Exists(command => command.SwitchesOn("postcopy-ram")),
            SwitchoverAck = before.Exists(command => command.SwitchesOn("switchover-ack")),
            DowntimeLimit = TimeSpan.FromMilliseconds(Last("downtime-limit", 300)),
            MaxBandwidth = Last("max-bandwidth", 0),
            MaxPostCopyBandwidth = Last("max-postcopy-bandwidth", 0),
        };
    }

    public void Look(EngineView view, IEngineControls engine)
    {
        if (view.Elapsed >= _nextBeat)
        {
            _views.Add(view);
            _nextBeat += s_beat;
        }

        while (_commands.TryPeek(out var command) && At(command) <= view.Elapsed)
        {
            Do(_commands.Dequeue(), engine);
        }
    }

    public void SeePass(EngineView view, IEngineControls engine) => throw new NotSupportedException("It follows no passes.");

    private static TimeSpan At(RecordedCommand command) => TimeSpan.FromSeconds(command.At);

    private static void Do(RecordedCommand command, IEngineControls engine)
    {
        switch (command.Name)
        {
            case "migrate-set-parameters" when command.Number("downtime-limit") is { } limit:
                engine.SetDowntimeLimit(TimeSpan.FromMilliseconds(limit));
                break;
            case "migrate_cancel":
                engine.Cancel();
                break;
            case "migrate-start-postcopy":
                Assert.True(engine.StartPostCopy());
                break;
            case "migrate-continue" or "quit":
                // The model goes through pre-switchover without stopping there.
                break;
            default:
                Assert.Fail($"The recording's {command.Name} is not played.");
                break;
        }
    }
}
