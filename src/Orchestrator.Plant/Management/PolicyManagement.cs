using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Policy;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Plausibility;
using Orchestrator.PolicyMessages;

namespace Orchestrator.Plant.Management;

/// <summary>
/// The product's own management of a migration: reports every 250 ms and at every pass, the plausibility check, the convergence policy, and
/// its decisions carried out as the agent carries them out.
/// </summary>
public sealed class PolicyManagement(ConvergenceDocument document, SwitchOverCost? overhead = null) : IManagementPolicy
{
    private static readonly TimeSpan s_beat = TimeSpan.FromMilliseconds(250);

    // Throttling as good as off until it is wanted: 1 % of a CPU, and only when more is dirtied than sent.
    private static readonly ThrottleKnobs s_idle = new(1, 1, 1, 100);

    // Less than a second needs calc-time-unit (8.2).
    private static readonly TimeSpan[] s_probes = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(0.25), TimeSpan.FromSeconds(4)];
    private static readonly TimeSpan s_probesApart = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_probesApartLater = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_probesOften = TimeSpan.FromMinutes(1);

    private readonly List<TakenStep> _taken = [];
    private EngineReports? _reports;
    private PlausibilityMemory _memory = PlausibilityMemory.Empty;
    private ConvergenceTerms? _terms;
    private ConvergenceState? _state;
    private long _cap;
    private long _told;
    private TimeSpan? _paused;
    private TimeSpan _probedAt = -s_probesApart;
    private int _probes;
    private bool _wholeSeconds;

    public TimeSpan? NextLook { get; private set; } = s_beat;

    public bool FollowsPasses => true;

    /// <summary>What was decided, oldest first.</summary>
    public IReadOnlyList<TakenStep> Taken => _taken;

    /// <summary>The last one before the end; null before the first.</summary>
    public ConvergenceReading? LastReading { get; private set; }

    /// <summary>The forecast of the last decision stood on two windows of data.</summary>
    public bool WasSound => _taken.LastOrDefault(taken => taken.Step.Explanation?.Forecast is not null)?.Step.Explanation?.Forecast?.Sound ?? false;

    /// <summary>Everything that was judged, for whoever wants to see it; set before the run.</summary>
    public Action<ConvergenceReading, ConvergenceState>? Judged { get; init; }

    /// <summary>The engine itself: the devices' sizes and the samples of what is dirtied come from there, which the view does not have.</summary>
    public SimulatedEngine? Engine { get; set; }

    public EngineSetup SetUp(MigrationDescription migration)
    {
        var postCopy = migration.Guest.Devices.Count == 0 && document.Steps.Any(step => step.Action is LadderAction.PostCopy);
        var throttle = document.Steps.Any(step => step.Action is LadderAction.Throttle);
        _terms = new ConvergenceTerms
        {
            Document = document,
            Budget = migration.MaxDowntime < document.MaxDowntime ? migration.MaxDowntime : document.MaxDowntime,
            Deadline = migration.Deadline,
            GuestMemory = new DataSize(migration.Guest.Memory),
            PostCopyPossible = postCopy,
            ThrottlePossible = throttle,
            Overhead = overhead ?? SwitchOverCost.Usual,
            LineRate = new DataRate((long)migration.Link.BytesPerSecond),
        };
        _state = ConvergenceState.Start(_terms);
        _wholeSeconds = migration.Engine.Version < EngineVersion.Qemu82;
        _cap = migration.Link.MaxBytesPerSecond;
        _told = document.Bandwidth.SwitchOver?.BytesPerSecond ?? 0;
        var setup = new EngineSetup
        {
            AutoConverge = throttle,
            PostCopy = postCopy,
            SwitchoverAck = migration.Guest.Devices.Count > 0,
            DowntimeLimit = _state.Limit,
            MaxBandwidth = _cap,
            MaxPostCopyBandwidth = document.Steps.Select(step => step.Action).OfType<LadderAction.PostCopy>().FirstOrDefault()?.MaxRate.BytesPerSecond ?? 0,
            SwitchOverBandwidth = _told,
            Throttle = s_idle,
        };
        _reports = new EngineReports(migration.Engine.Version, setup);
        return setup;
    }

    public void Look(EngineView view, IEngineControls engine)
    {
        Probe(view);
        Judge(view, engine);
        NextLook = view.Elapsed + s_beat;
    }

    public void SeePass(EngineView view, IEngineControls engine)
    {
        Probe(view);
        Judge(view, engine);
        NextLook = view.Elapsed + s_beat;
    }

    /// <summary>As the agent does: intervals of three lengths in turn, a second apart, and more rarely after the first minute.</summary>
    private void Probe(EngineView view)
    {
        var rest = view.Elapsed < s_probesOften ? s_probesApart : s_probesApartLater;
        if (Engine is null || !view.GuestRunning || view.Elapsed < _probedAt + rest)
        {
            return;
        }

        var interval = s_probes[_probes++ % s_probes.Length];
        interval = _wholeSeconds && interval < s_probesApart ? s_probesApart : interval;
        _probedAt = view.Elapsed + interval;
        Engine.Sample(interval);
    }

    private void Judge(EngineView view, IEngineControls engine)
    {
        if (_terms is null || _state is null || _reports is null)
        {
            throw new InvalidOperationException("The migration has not been set up.");
        }

        var paused = _paused is not null && view.Status is EngineStatus.Active;
        var report = _reports.Report(view, Engine?.DeviceViews() ?? [], Engine?.Sampled, new EngineStanding(_cap, _told, paused));
        if (ReportNumbers.Of(report) is not { } numbers)
        {
            return;
        }

        (var reading, _memory) = PlausibilityCheck.Check(numbers, _memory);
        var step = ConvergencePolicy.Step(_terms, _state, reading);
        (_state, LastReading) = (step.State, reading);
        Judged?.Invoke(reading, _state);
        if (step.Decision is ConvergenceDecision.Wait)
        {
            return;
        }

        _taken.Add(new TakenStep(reading, step));
        CarryOut(step.Decision, view, engine);
    }

    private void CarryOut(ConvergenceDecision decision, EngineView view, IEngineControls engine)
    {
        switch (decision)
        {
            case ConvergenceDecision.SetDowntimeLimit(var limit, var line):
                engine.SetDowntimeLimit(TimeSpan.FromMilliseconds(Math.Max(1, Math.Floor(limit.TotalMilliseconds))));
                if (line is { } rate)
                {
                    _told = rate.BytesPerSecond;
                    engine.SetSwitchOverBandwidth(_told);
                }

                break;
            case ConvergenceDecision.StartThrottle(var initial, var increment, var max):
                // The initial value counts only when throttling begins; where the idle 1 % has come already the first step does it.
                var step = view.ThrottlePercent > 0 && view.ThrottlePercent < initial ? initial - view.ThrottlePercent : increment;
                engine.SetThrottle(new ThrottleKnobs(initial, step, max));
                break;
            case ConvergenceDecision.StartPostCopy:
                engine.StartPostCopy();
                break;
            case ConvergenceDecision.Pause:
                _paused = view.Elapsed;
                engine.Pause();
                break;
            case ConvergenceDecision.Resume:
                _paused = null;
                engine.Resume();
                break;
            case ConvergenceDecision.Abort:
                engine.Cancel();
                break;
        }
    }
}

/// <summary>One decision and the reading it was made on.</summary>
public sealed record TakenStep(ConvergenceReading Reading, ConvergenceStep Step);
