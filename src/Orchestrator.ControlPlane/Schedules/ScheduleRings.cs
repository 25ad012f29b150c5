using System.Threading.Channels;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>Names of schedules that are to be looked at, in this process. One that is lost is found by the next sweep.</summary>
internal sealed class ScheduleRings
{
    private readonly Channel<string> _names = Channel.CreateBounded<string>(
        new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    public void Ring(string name) => _names.Writer.TryWrite(name);

    public IAsyncEnumerable<string> ReadAllAsync(CancellationToken cancellation) => _names.Reader.ReadAllAsync(cancellation);
}
