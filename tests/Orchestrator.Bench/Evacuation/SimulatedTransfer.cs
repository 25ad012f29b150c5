namespace Orchestrator.Bench.Evacuation;

internal enum TransferStage
{
    Preparing,
    PreCopy,
    PostCopy,
    SwitchingOver,
}

internal enum TransferEnd
{
    Completed,
    Failed,
    Aborted,
    Cancelled,
}

/// <summary>One attempt to move one guest.</summary>
internal sealed class SimulatedTransfer(SimulatedGuest guest, string target, ConvergenceRules rules, double cap, double now)
{
    // QEMU syncs the dirty bitmap no faster than this on guests of such sizes.
    private const double ShortestPass = 0.05;

    // Hand-over, resume and verification.
    private const double HandOver = 0.4;
    private const double HandOverDowntime = 0.05;

    // Bytes that are rounding.
    private const double Nothing = 1e4;
    private double _passSent;
    private double _passBegan;
    private double _stageEnds = now + guest.Prepare;
    private double _began = double.PositiveInfinity;
    private int _pass;

    public SimulatedGuest Guest => guest;

    public string Target => target;

    public double Cap => cap;

    public TransferStage Stage { get; private set; } = TransferStage.Preparing;

    public double Rate { get; set; }

    /// <summary>Still to be sent in this pass.</summary>
    public double Left { get; private set; }

    public double Sent { get; private set; }

    public TransferEnd? End { get; private set; }

    public bool Sends => Stage is TransferStage.PreCopy or TransferStage.PostCopy;

    public double TransferringFor(double time) => Math.Max(0, time - _began);

    public double NextEvent(double time)
    {
        if (!Sends)
        {
            return _stageEnds;
        }

        var next = Math.Max(time + (Left / Rate), _passBegan + ShortestPass);
        next = Fails ? Math.Min(next, time + (Math.Max(0, Left - ((1 - guest.FailsAt) * guest.Memory)) / Rate)) : next;
        return rules.Timeout is { } timeout && Stage is TransferStage.PreCopy ? Math.Min(next, _began + timeout) : next;
    }

    public void Spend(double seconds)
    {
        if (Sends)
        {
            var sent = Math.Min(Left, Rate * seconds);
            (Left, Sent, _passSent) = (Left - sent, Sent + sent, _passSent + sent);
        }
    }

    public void Cancel() => End ??= TransferEnd.Cancelled;

    /// <summary>Called when <see cref="NextEvent"/> has come.</summary>
    public void Happen(double time)
    {
        switch (Stage)
        {
            case TransferStage.Preparing:
                (Stage, Left, _began, _pass) = (TransferStage.PreCopy, guest.Memory, time, 1);
                BeginPass(guest.Memory, time);
                return;
            case TransferStage.SwitchingOver:
                End = TransferEnd.Completed;
                return;
            case TransferStage.PostCopy:
                SwitchOver(time, guest.Downtime ?? 0);
                return;
            case TransferStage.PreCopy when Fails && Left <= ((1 - guest.FailsAt) * guest.Memory) + Nothing:
                End = TransferEnd.Failed;
                return;
            case TransferStage.PreCopy when Left > Nothing:
                End = TransferEnd.Aborted;
                return;
            case TransferStage.PreCopy:
                EndPass(time);
                return;
        }
    }

    private bool Fails => Stage is TransferStage.PreCopy && _pass == 1 && guest.Attempts <= guest.Failures;

    private void EndPass(double time)
    {
        var dirtied = guest.Dirtied(time - _passBegan, rules.Throttle);
        var verdict = rules.AtPassEnd(new PassEnd(_pass, time - _began, _passSent, dirtied));
        if (dirtied <= Rate * rules.Limit)
        {
            Sent += dirtied;
            SwitchOver(time + (dirtied / Rate), HandOverDowntime + (dirtied / Rate));
        }
        else if (verdict is PassVerdict.Abort)
        {
            End = TransferEnd.Aborted;
        }
        else if (verdict is PassVerdict.PostCopy)
        {
            (Stage, guest.Downtime) = (TransferStage.PostCopy, HandOverDowntime);
            BeginPass(dirtied, time);
        }
        else
        {
            _pass++;
            BeginPass(dirtied, time);
        }
    }

    private void BeginPass(double left, double time) => (Left, _passSent, _passBegan) = (left, 0, time);

    private void SwitchOver(double time, double downtime) =>
        (Stage, Left, _stageEnds, guest.Downtime) = (TransferStage.SwitchingOver, 0, time + HandOver, downtime);
}
