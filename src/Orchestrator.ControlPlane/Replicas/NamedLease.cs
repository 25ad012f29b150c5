namespace Orchestrator.ControlPlane.Replicas;

/// <summary>
/// A duty that one replica has at a time, sought by this one. Whoever writes under it guards the write itself (a row lock, or the epoch in
/// the statement): holding it says who should act, and only nearly always that nobody else does.
/// </summary>
internal sealed class NamedLease(string name)
{
    private readonly Lock _gate = new();
    private TaskCompletionSource<Tenure> _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Tenure? _tenure;

    /// <summary>Won or lost. Called from the beat that renews: take a note and return.</summary>
    public event Action<NamedLease>? Changed;

    public string Name => name;

    /// <summary>"I hold it under epoch N"; null when another does, or nobody.</summary>
    public Tenure? Held => _tenure is { IsHeld: true } tenure ? tenure : null;

    /// <summary>Waits until it is won.</summary>
    public async Task<Tenure> HeldAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Task<Tenure> next;
            lock (_gate)
            {
                if (Held is { } tenure)
                {
                    return tenure;
                }

                next = _next.Task;
            }

            await next.WaitAsync(cancellation);
        }
    }

    /// <summary>
    /// Runs the work whenever the lease is won, until the end. The token it is given is cancelled when the lease is lost or
    /// <paramref name="stopping"/> says so; work that ends by itself is begun again.
    /// </summary>
    public async Task RunAsync(Func<Tenure, CancellationToken, Task> work, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                var tenure = await HeldAsync(stopping);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(tenure.Over, stopping);
                await work(tenure, either.Token);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested || Held is null)
            {
                // Lost, or at the end.
            }
        }
    }

    internal void Won(Tenure tenure)
    {
        TaskCompletionSource<Tenure> news;
        lock (_gate)
        {
            _tenure = tenure;
            news = _next;
            _next = new TaskCompletionSource<Tenure>(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        tenure.Over.Register(() => Changed?.Invoke(this));
        news.TrySetResult(tenure);
        Changed?.Invoke(this);
    }

    internal void Lost() => _tenure?.End();
}
