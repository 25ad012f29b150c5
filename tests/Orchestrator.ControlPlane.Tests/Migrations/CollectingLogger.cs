using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>Keeps what was logged as an error with an exception: something nobody planned.</summary>
internal sealed class CollectingLogger<T>(ConcurrentQueue<Exception> failures) : ILogger<T>
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel >= LogLevel.Error && exception is not null)
        {
            failures.Enqueue(exception);
        }
    }
}
