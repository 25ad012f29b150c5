namespace Orchestrator.ControlPlane.Database.Notifications;

/// <summary>
/// Channels of pg_notify, one per feature. The payload is an id and nothing that counts: a notification may be lost, so whoever hears one
/// reads the tables. Sent in the statement that changes what it tells of, e.g. <c>SELECT pg_notify('migration', @id)</c>.
/// </summary>
internal static class NotificationChannel
{
    /// <summary>Payload: migration_id. It was admitted, or a transition, a decision or an answer to one was written.</summary>
    public const string Migration = "migration";

    /// <summary>Payload: migration_id, or empty. The queue or what admission goes by has changed.</summary>
    public const string Queue = "queue";

    /// <summary>Payload: migration_id, or empty for many. It was let through, may transfer, or has another share of the links.</summary>
    public const string Slot = "slot";

    /// <summary>Payload: evacuation_id. It was started, a caller wished something, or its conductor wrote a step.</summary>
    public const string Evacuation = "evacuation";

    /// <summary>Payload: notice_id.</summary>
    public const string Notice = "notice";

    /// <summary>Payload: replica_id. It has given away what it commanded, or has ended.</summary>
    public const string Replica = "replica";

    /// <summary>Payload: migration_id. A wish waits for whoever commands it, or has its answer.</summary>
    public const string Wish = "wish";

    /// <summary>Payload: host_id. It was declared dead, readmitted, cordoned or uncordoned.</summary>
    public const string Host = "host";

    public static IReadOnlyList<string> All { get; } = [Migration, Queue, Slot, Evacuation, Notice, Replica, Wish, Host];
}
