using FsCheck;
using FsCheck.Fluent;
using Orchestrator.Policy.Admission;

namespace Orchestrator.Policy.Tests.Admission;

public class QueueOrderTests
{
    private static readonly Dictionary<string, int> s_nobody = [];

    [Fact]
    public void Of_HigherClass_GoesFirst() =>
        Assert.Equal([2, 1, 3], Order(s_nobody, Queues.Queued(1, "h"), Queues.Queued(2, "h", priorityClass: "evacuation"), Queues.Queued(3, "h", priorityClass: "rebalancing")));

    [Fact]
    public void Of_LongEnoughWaiting_OvertakesAHigherClass()
    {
        // 100 apart, one a minute.
        var fresh = Queues.Queued(1, "h", priorityClass: "evacuation");
        Assert.Equal([1, 2], Order(s_nobody, fresh, Queues.Queued(2, "h", waited: 99 * 60)));
        Assert.Equal([2, 1], Order(s_nobody, fresh, Queues.Queued(2, "h", waited: 101 * 60)));
    }

    [Fact]
    public void Of_OneCallerWithMany_DoesNotKeepAnotherWaiting()
    {
        var many = Enumerable.Range(1, 100).Select(number => Queues.Queued(number, "h", waited: 60, caller: "many"));
        var order = Order(s_nobody, [.. many, Queues.Queued(500, "h", waited: 0, caller: "one")]);

        Assert.InRange(order.ToList().IndexOf(500), 1, 2);
    }

    [Fact]
    public void Of_SameAge_WhoHasLeastRunningGoesFirst() => Assert.Equal(
        [2, 1, 4, 3],
        Order(new Dictionary<string, int> { ["busy"] = 1 },
            Queues.Queued(1, "h", caller: "busy"), Queues.Queued(2, "h", caller: "idle"),
            Queues.Queued(3, "h", caller: "busy"), Queues.Queued(4, "h", caller: "idle")));

    [Fact]
    public void Of_ForgottenClass_CountsAsTheLowest() => Assert.Equal(
        [2, 1], Order(s_nobody, Queues.Queued(1, "h", priorityClass: "gone", waited: 1), Queues.Queued(2, "h")));

    [Fact]
    public void Of_AnyQueue_IsAPermutationAndDoesNotDependOnTheListing() => Check.One(
        Drawing.Of(100),
        Prop.ForAll(Queues.Drawn.ToArbitrary(), snapshot =>
        {
            var order = QueueOrder.Of(snapshot.Queue, PreparingGate.Line, snapshot.Limits, s_nobody, Queues.Now);
            var other = QueueOrder.Of([.. snapshot.Queue.Reverse()], PreparingGate.Line, snapshot.Limits, s_nobody, Queues.Now);
            Assert.Equal(snapshot.Queue.Select(migration => migration.MigrationId).Order(), order.Select(migration => migration.MigrationId).Order());
            Assert.Equal(order, other);
        }));

    [Theory]
    [InlineData("higher class", "evacuation", false)]
    [InlineData("ever new callers", "user", true)]
    public void Of_EndlessArrivals_TheOldestComesToItsTurn(string because, string arriving, bool newCallers)
    {
        // One is let through every 10 s and two arrive: without ageing the old one would never be first.
        var old = Queues.Queued(1, "h", caller: "old", priorityClass: arriving == "user" ? "user" : "rebalancing");
        List<QueuedMigration> line = [old];
        var running = new Dictionary<string, int> { ["old"] = 5 };
        for (var step = 1; step < 5000; step++)
        {
            var now = Queues.Now.AddSeconds(10 * step);
            line.AddRange(Enumerable.Range(0, 2).Select(which => Queues.Queued(
                (10 * step) + which, "h", caller: newCallers ? $"caller-{step}-{which}" : "busy", priorityClass: arriving) with
            { QueuedAt = now }));
            var first = QueueOrder.Of(line, PreparingGate.Line, Queues.Wide, running, now)[0];
            line.Remove(first);
            if (first == old)
            {
                return;
            }
        }

        Assert.Fail($"It was overtaken for ever by {because}.");
    }

    private static IEnumerable<int> Order(IReadOnlyDictionary<string, int> running, params QueuedMigration[] queue) =>
        QueueOrder.Of(queue, PreparingGate.Line, Queues.Wide, running, Queues.Now)
            .Select(migration => Array.FindIndex(queue, other => other == migration))
            .Select(index => int.Parse(queue[index].MigrationId.ToString()[..8], System.Globalization.NumberStyles.HexNumber, null));
}
