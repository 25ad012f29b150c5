using Grpc.Core;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.Policy.Lifecycle;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>
/// One side of one migration: what was last heard from it, and the line of commands to it. Commands go one at a time and in order; one
/// without an answer is sent again until it has one. Used by its supervisor's loop alone; only the calls' ends come from elsewhere, by mail.
/// </summary>
internal sealed class AgentSide(MigrationSide side, string hostId, MigrationMailbox mailbox, IAgentCalls agents, SupervisionBeat beat)
    : IAsyncDisposable
{
    /// <summary>Commands of the ledger begin at 1.</summary>
    private const long AttendId = 0;

    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(5);

    private readonly Queue<StoredCommand> _line = new();
    private readonly List<Task> _calls = [];
    private CancellationTokenSource _away = new();
    private bool _attendDue;
    private bool _sending;
    private bool _polling;
    private int _attempts;
    private long _failedAt;
    private long _askedAt;
    private long _viewedAt;
    private bool _forgotten;
    private ulong _lastSequence;

    public string HostId => hostId;

    /// <summary>Null = not heard yet.</summary>
    public SideView? View { get; private set; }

    public MigrationReport? LastReport { get; private set; }

    /// <summary>How many times it has said how the migration stands there.</summary>
    public long Words { get; private set; }

    /// <summary>When it last said anything about this migration; the supervisor's begin before that.</summary>
    public long HeardAt { get; private set; } = beat.Clock.GetTimestamp();

    public bool IsConnected { get; private set; } = agents.IsConnected(hostId);

    /// <summary>The host is off for good. Asked for at every step: it may have been declared dead, or readmitted, meanwhile.</summary>
    public bool IsDead => agents.IsDead(hostId);

    public string? AgentInstanceId { get; private set; }

    /// <summary>No command waits for an answer.</summary>
    public bool IsIdle => _line.Count == 0 && !_attendDue;

    public TimeSpan SinceHeard => beat.Clock.GetElapsedTime(HeardAt);

    /// <returns>True when it changes what is seen of the side.</returns>
    public bool Hear(MigrationReport report)
    {
        if (report.Sequence < _lastSequence)
        {
            return false;
        }

        HeardAt = _viewedAt = beat.Clock.GetTimestamp();
        Learn();
        _lastSequence = report.Sequence;
        LastReport = report;
        var before = View;
        View = ReportView.View(report);
        return View != before;
    }

    /// <returns>True when the agent is another one than before: it counts its reports anew.</returns>
    public bool Sight(HostSighting sighting)
    {
        IsConnected = sighting.AgentInstanceId is not null;
        if (!IsConnected)
        {
            // What was sent may have arrived; whether it did is found out by sending it again.
            _away.Cancel();
            _away.Dispose();
            _away = new CancellationTokenSource();
            return false;
        }

        _failedAt = 0;
        _askedAt = 0;
        var restarted = AgentInstanceId is not null && AgentInstanceId != sighting.AgentInstanceId;
        AgentInstanceId = sighting.AgentInstanceId;
        _lastSequence = restarted ? 0 : _lastSequence;
        return restarted;
    }

    public void Line(StoredCommand command) => _line.Enqueue(command);

    /// <summary>Before the line goes on, the agent is told who commands now, so that it refuses whoever did before.</summary>
    public void Attend() => _attendDue = true;

    /// <returns>The command, with the agent's answer when it gave one; null when it is no longer waited for.</returns>
    public StoredCommand? End(CallEnded.Command call)
    {
        _sending = false;
        if (call.CommandId == AttendId)
        {
            EndAttend(call.Reply);
            return null;
        }

        if (_line.Count == 0 || _line.Peek().CommandId != call.CommandId)
        {
            return null;
        }

        var command = _line.Peek();
        switch (call.Reply)
        {
            case AgentReply.None:
                _failedAt = beat.Clock.GetTimestamp();
                return command;
            case AgentReply.Done(var response):
                HeardAt = beat.Clock.GetTimestamp();
                _attempts = 0;

                // Said before the command opened a session.
                View = View == SideView.Absent ? null : View;
                return command with { Answer = new CommandAnswer(CommandOutcome.Done, beat.Clock.GetUtcNow(), "", response.ListenUri) };
            case AgentReply.Refused(var outcome, var words):
                HeardAt = beat.Clock.GetTimestamp();
                _attempts = 0;
                return command with { Answer = new CommandAnswer(outcome, beat.Clock.GetUtcNow(), words, "") };
            default:
                return command;
        }
    }

    /// <summary>The answer is written down: the next one may go.</summary>
    public void Settle(StoredCommand answered)
    {
        if (_line.Count > 0 && _line.Peek().CommandId == answered.CommandId)
        {
            _line.Dequeue();
        }
    }

    /// <returns>True when it changes what is seen of the side.</returns>
    public bool End(CallEnded.Poll poll)
    {
        _polling = false;
        if (!poll.Answered)
        {
            return false;
        }

        HeardAt = beat.Clock.GetTimestamp();
        Learn();

        // A report that came while the question was under way knows better than "no such session".
        if (poll.Report is not null || _viewedAt > poll.LeftAt || View == SideView.Absent)
        {
            return false;
        }

        View = SideView.Absent;
        return true;
    }

    /// <summary>Sends the first command of the line unless it is under way, or its agent away.</summary>
    /// <returns>How long until it may be tried again; null when there is nothing to wait for.</returns>
    public TimeSpan? Send(Guid migrationId, long epoch)
    {
        if (_sending || !IsConnected || IsIdle)
        {
            return null;
        }

        if (_failedAt != 0 && _attempts > 0 && Pause() - beat.Clock.GetElapsedTime(_failedAt) is { } left && left > TimeSpan.Zero)
        {
            return left;
        }

        _sending = true;
        _attempts++;
        var request = _attendDue
            ? new ExecuteRequest { MigrationId = migrationId.ToString(), Attend = new Attend() }
            : _line.Peek().Request.Clone();
        request.Epoch = (ulong)epoch;
        Track(GiveAsync((long)request.CommandId, request, _attempts, _away.Token));
        return null;
    }

    /// <summary>What was heard and asked before does not count: it is asked at the next opportunity.</summary>
    public void Forget()
    {
        _forgotten = true;
        _askedAt = 0;
    }

    /// <summary>Asks how the migration stands here, unless that was asked or heard just now.</summary>
    /// <returns>How long until it may be asked; null when it is being asked or cannot be.</returns>
    public TimeSpan? Ask(Guid migrationId, TimeSpan quiet)
    {
        if (_polling || !IsConnected)
        {
            return null;
        }

        var knownAt = View is null || _forgotten ? _askedAt : Math.Max(HeardAt, _askedAt);
        if (knownAt != 0 && quiet - beat.Clock.GetElapsedTime(knownAt) is { } left && left > TimeSpan.Zero)
        {
            return left;
        }

        _polling = true;
        _askedAt = beat.Clock.GetTimestamp();
        Track(PollAsync(migrationId, _away.Token));
        return null;
    }

    /// <summary>Lets go of the calls under way; what they brought about is found out by whoever goes on.</summary>
    public async ValueTask DisposeAsync()
    {
        await _away.CancelAsync();
        await Task.WhenAll(_calls);
        _away.Dispose();
    }

    /// <summary>A refusal ends it too: there is no session to fence, or an agent of an earlier release that does not know the command.</summary>
    private void EndAttend(AgentReply reply)
    {
        if (reply is AgentReply.None)
        {
            _failedAt = beat.Clock.GetTimestamp();
            return;
        }

        HeardAt = beat.Clock.GetTimestamp();
        _attempts = 0;
        _attendDue = false;
    }

    private void Learn()
    {
        Words++;
        _forgotten = false;
    }

    private TimeSpan Pause()
    {
        var pause = s_firstPause * Math.Pow(2, Math.Min(_attempts, 10) - 1);
        return pause < s_longestPause ? pause : s_longestPause;
    }

    private void Track(Task call)
    {
        _calls.RemoveAll(done => done.IsCompleted);
        _calls.Add(call);
    }

    private async Task GiveAsync(long commandId, ExecuteRequest request, int attempts, CancellationToken away)
    {
        var leftAt = beat.Clock.GetTimestamp();
        AgentReply reply;
        try
        {
            using var limit = new CancellationTokenSource(beat.Options.CommandTimeout, beat.Clock);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(away, limit.Token);
            var response = await agents.ExecuteAsync(hostId, request, both.Token);
            if (response.Report is { } report)
            {
                mailbox.Offer(hostId, report, beat.Clock.GetTimestamp());
            }

            reply = new AgentReply.Done(response);
        }
        catch (RpcException failure)
        {
            reply = AgentReply.From(failure, attempts);
        }
        catch (OperationCanceledException)
        {
            reply = new AgentReply.None("no answer in time");
        }

        mailbox.Put(new CallEnded.Command(side, commandId, reply, leftAt));
    }

    private async Task PollAsync(Guid migrationId, CancellationToken away)
    {
        var leftAt = beat.Clock.GetTimestamp();
        var answered = false;
        MigrationReport? mine = null;
        try
        {
            using var limit = new CancellationTokenSource(beat.Options.CommandTimeout, beat.Clock);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(away, limit.Token);
            var response = await agents.PollAsync(hostId, new PollRequest { MigrationId = migrationId.ToString() }, both.Token);
            answered = true;
            foreach (var report in response.Reports)
            {
                if (report.Role == (side is MigrationSide.Source ? SessionRole.Source : SessionRole.Target))
                {
                    mine = report;
                    mailbox.Offer(hostId, report, beat.Clock.GetTimestamp());
                }
            }
        }
        catch (Exception failure) when (failure is RpcException or OperationCanceledException)
        {
            // It is asked again.
        }

        mailbox.Put(new CallEnded.Poll(side, answered, mine, leftAt));
    }
}
