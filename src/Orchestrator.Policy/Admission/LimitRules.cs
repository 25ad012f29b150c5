using System.Globalization;

namespace Orchestrator.Policy.Admission;

/// <param name="Field">Path in proto names below the limits, e.g. "classes[1].ageing".</param>
/// <param name="Description">What is wrong and what is allowed.</param>
public sealed record LimitViolation(string Field, string Description);

/// <summary>What limits must be to be accepted. Ranges are those of admission.proto.</summary>
public static class LimitRules
{
    private const int MostMigrations = 100_000;
    private const int MostLabels = 32;
    private const int MostClasses = 16;
    private const int LongestName = 63;
    private const int HighestPriority = 1_000_000;
    private const int HeaviestWeight = 1000;

    // A transfer below this never ends in practice: a guest that writes at all outruns it.
    private static readonly DataRate s_leastRate = DataRate.FromMebibytesPerSecond(1);

    /// <summary>All of them at once. None = valid.</summary>
    /// <param name="classesInUse">Classes that migrations are waiting in or running under.</param>
    public static IReadOnlyList<LimitViolation> Violations(AdmissionLimits limits, params IEnumerable<string> classesInUse)
    {
        List<LimitViolation> found = [];
        Count(found, "transferring", limits.Transferring, MostMigrations, "");
        Count(found, "preparing", limits.Preparing, MostMigrations, "");
        var fleet = Math.Clamp(limits.Transferring, 1, MostMigrations);
        Count(found, "transferring_per_source", limits.TransferringPerSource, fleet, " (transferring)");
        Count(found, "transferring_per_target", limits.TransferringPerTarget, fleet, " (transferring)");
        Count(found, "preparing_per_target", limits.PreparingPerTarget, Math.Clamp(limits.Preparing, 1, MostMigrations), " (preparing)");
        Labels(found, limits.PerLabel, fleet);
        if (!(limits.LinkShare > 0 && limits.LinkShare <= 1))
        {
            Add(found, "link_share", $"must be above 0 and at most 1, is {limits.LinkShare}");
        }

        if (limits.MinRate.BytesPerSecond < s_leastRate.BytesPerSecond)
        {
            Add(found, "min_bytes_per_second", $"must be at least {s_leastRate.BytesPerSecond} (1 MiB/s), is {limits.MinRate.BytesPerSecond}");
        }

        Classes(found, limits.Classes, classesInUse);
        Time(found, "failure_memory", limits.FailureMemory, TimeSpan.Zero);
        return found;
    }

    private static void Labels(List<LimitViolation> found, IReadOnlyList<LabelLimit> labels, int fleet)
    {
        if (labels.Count > MostLabels)
        {
            Add(found, "per_label", $"must have at most {MostLabels} entries, has {labels.Count}");
        }

        for (var i = 0; i < Math.Min(labels.Count, MostLabels); i++)
        {
            var (label, transferring) = labels[i];
            if (label.Length is 0 or > LongestName || label.Contains('\0'))
            {
                Add(found, $"per_label[{i}].label", $"must be 1 to {LongestName} characters, none of them NUL");
            }
            else if (FirstWith(labels, other => other.Label == label) is var first && first < i)
            {
                Add(found, $"per_label[{i}].label", $"is \"{label}\", as per_label[{first}] is already; each label once");
            }

            Count(found, $"per_label[{i}].transferring", transferring, fleet, " (transferring)");
        }
    }

    private static void Classes(List<LimitViolation> found, IReadOnlyList<PriorityClass> classes, IEnumerable<string> classesInUse)
    {
        if (classes.Count is 0 or > MostClasses)
        {
            Add(found, "classes", $"must have 1 to {MostClasses} entries, has {classes.Count}");
        }

        for (var i = 0; i < Math.Min(classes.Count, MostClasses); i++)
        {
            var (name, priority, ageing, weight) = classes[i];
            if (name.Length is 0 or > LongestName || !name.All(letter => letter is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-'))
            {
                Add(found, $"classes[{i}].name", $"must be 1 to {LongestName} of a-z, 0-9 and '-'");
            }
            else if (FirstWith(classes, other => other.Name == name) is var sameName && sameName < i)
            {
                Add(found, $"classes[{i}].name", $"is \"{name}\", as classes[{sameName}] is already; each name once");
            }

            Between(found, $"classes[{i}].priority", priority, 0, HighestPriority, "");
            if (FirstWith(classes, other => other.Priority == priority) is var samePriority && samePriority < i)
            {
                Add(found, $"classes[{i}].priority", $"is {priority}, as classes[{samePriority}] has already; each priority once");
            }

            Time(found, $"classes[{i}].ageing", ageing, TimeSpan.FromSeconds(1));
            Between(found, $"classes[{i}].weight", weight, 1, HeaviestWeight, "");
        }

        foreach (var needed in classesInUse.Append(AdmissionLimits.UsualClass).Distinct().Order(StringComparer.Ordinal))
        {
            if (classes.All(known => known.Name != needed))
            {
                Add(
                    found,
                    "classes",
                    needed == AdmissionLimits.UsualClass
                        ? (FormattableString)$"must have \"{needed}\", the class of migrations that name none"
                        : $"must keep \"{needed}\": migrations that have not ended are in it");
            }
        }
    }

    private static void Count(List<LimitViolation> found, string field, int value, int most, string mostIs) =>
        Between(found, field, value, 1, most, mostIs);

    private static void Between(List<LimitViolation> found, string field, int value, int least, int most, string mostIs)
    {
        if (value < least || value > most)
        {
            Add(found, field, $"must be {least} to {most}{mostIs}, is {value}");
        }
    }

    private static void Time(List<LimitViolation> found, string field, TimeSpan value, TimeSpan least)
    {
        if (value < least || value > TimeSpan.FromHours(24))
        {
            Add(found, field, $"must be {least.TotalSeconds:0} s to 24 h, is {value.TotalSeconds:0.###} s");
        }
    }

    private static int FirstWith<T>(IReadOnlyList<T> list, Predicate<T> match)
    {
        var index = 0;
        while (!match(list[index]))
        {
            index++;
        }

        return index;
    }

    private static void Add(List<LimitViolation> found, string field, FormattableString description) =>
        found.Add(new LimitViolation(field, description.ToString(CultureInfo.InvariantCulture)));
}
