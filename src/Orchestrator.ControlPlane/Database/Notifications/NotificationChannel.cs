namespace Orchestrator.ControlPlane.Database.Notifications;

/// <summary>
/// Channels of pg_notify, one per feature. The payload is an id and nothing that counts: a notification may be lost, so whoever hears one
/// reads the tables. Sent when what it tells of is committed, with <see cref="NotificationSender"/>; what is written seldom may send it in its
/// own statement, e.g. <c>SELECT pg_notify('notice', @id)</c>.
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

    /// <summary>Payload: replica_id, or empty. It has given away what it commanded, or has ended; or it is time to look.</summary>
    public const string Replica = "replica";

    /// <summary>Payload: migration_id. A wish waits for whoever commands it, or has its answer.</summary>
    public const string Wish = "wish";

    /// <summary>Payload: host_id, or empty. It was declared dead, readmitted, cordoned or uncordoned; or it is time to look.</summary>
    public const string Host = "host";

    public static IReadOnlyList<string> All { get; } = [Migration, Queue, Slot, Evacuation, Notice, Replica, Wish, Host];
}
