namespace Orchestrator.Policy.Admission;

/// <summary>
/// In which order those who wait have their turns. A class's turns compete with those of the others by priority and age: a turn has the
/// class's priority and one more for every <see cref="PriorityClass.Ageing"/> that the class's oldest, second oldest, ... has waited, without
/// bound. Within a class a turn goes to whoever came first, where each migration that the same caller has running or before it in line counts
/// like having come one ageing later: a caller who asks for a thousand does not keep one who asks for one waiting until all are done.
/// Nothing starves: what arrives later has a later time to compete with, whatever its class and its caller.
/// </summary>
internal static class QueueOrder
{
    /// <param name="running">How many each caller has running.</param>
    public static IReadOnlyList<T> Of<T>(
        IReadOnlyList<T> waiting,
        Func<T, InLine> look,
        AdmissionLimits limits,
        IReadOnlyDictionary<string, int> running,
        DateTimeOffset now)
    {
        List<Turn<T>> turns = new(waiting.Count);
        foreach (var ofClass in waiting
            .Select(item => (Item: item, InLine: look(item)))
            .GroupBy(entry => limits.ClassOf(entry.InLine.PriorityClass)))
        {
            var first = ofClass.OrderBy(entry => entry.InLine.Since).ThenBy(entry => entry.InLine.MigrationId).ToArray();
            var fair = Fair(first, running, ofClass.Key.Ageing);
            turns.AddRange(first.Select((entry, turn) => new Turn<T>(
                fair[turn], Effective(ofClass.Key, entry.InLine.Since, now), ofClass.Key.Priority, ofClass.Key.Name, turn)));
        }

        turns.Sort();
        return [.. turns.Select(turn => turn.Item)];
    }

    /// <summary>The class's priority and what waiting has added.</summary>
    public static double Effective(PriorityClass of, DateTimeOffset since, DateTimeOffset now) =>
        of.Priority + (now > since ? (now - since) / of.Ageing : 0);

    private static T[] Fair<T>((T Item, InLine InLine)[] first, IReadOnlyDictionary<string, int> running, TimeSpan ageing)
    {
        Dictionary<string, int> before = new(StringComparer.Ordinal);
        var keys = new (long Ticks, Guid MigrationId)[first.Length];
        for (var i = 0; i < first.Length; i++)
        {
            var line = first[i].InLine;
            var rank = before.TryGetValue(line.Caller, out var own) ? own : running.GetValueOrDefault(line.Caller);
            before[line.Caller] = rank + 1;
            keys[i] = (line.Since.UtcTicks + (rank * ageing.Ticks), line.MigrationId);
        }

        var items = first.Select(entry => entry.Item).ToArray();
        Array.Sort(keys, items);
        return items;
    }

    private readonly record struct Turn<T>(T Item, double Priority, int ClassPriority, string ClassName, int Index) : IComparable<Turn<T>>
    {
        public int CompareTo(Turn<T> other) =>
            Priority != other.Priority ? other.Priority.CompareTo(Priority)
            : ClassPriority != other.ClassPriority ? other.ClassPriority.CompareTo(ClassPriority)
            : ClassName != other.ClassName ? string.CompareOrdinal(ClassName, other.ClassName)
            : Index.CompareTo(other.Index);
    }
}

/// <param name="Since">From when its waiting counts.</param>
internal readonly record struct InLine(Guid MigrationId, string Caller, string PriorityClass, DateTimeOffset Since);
