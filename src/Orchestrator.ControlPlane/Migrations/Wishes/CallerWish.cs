namespace Orchestrator.ControlPlane.Migrations.Wishes;

/// <summary>What a caller wants of a running migration, and where the answer goes.</summary>
internal abstract record CallerWish
{
    private readonly TaskCompletionSource<WishAnswer> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private CallerWish()
    {
    }

    public Task<WishAnswer> Answer => _answer.Task;

    public void Grant(WishAnswer answer) => _answer.TrySetResult(answer);

    internal sealed record Cancel(string Reason) : CallerWish;

    internal sealed record Adjust(AdjustMigrationCommand Command) : CallerWish;
}

internal enum WishOutcome
{
    /// <summary>Written down, now or before.</summary>
    Granted,
    PastPointOfNoReturn,
    Ended,
    NotCopying,
    LimitAboveBudget,
    PostCopyImpossible,

    /// <summary>The supervisor went away before it could answer; the same wish again will find out.</summary>
    NotAnswered,

    /// <summary>The replica that commands it did not answer in time; it may still do what was asked.</summary>
    CommanderSilent,
}

/// <param name="Migration">As it stands; null when the supervisor is gone.</param>
internal sealed record WishAnswer(WishOutcome Outcome, Migration? Migration);
