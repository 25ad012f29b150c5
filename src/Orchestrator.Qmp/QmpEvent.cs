using System.Text.Json;

namespace Orchestrator.Qmp;

/// <summary>Something QEMU said without being asked.</summary>
/// <param name="Data">Always an object; empty when the event carries nothing.</param>
/// <param name="Timestamp">QEMU's own time of the event; the time of arrival when QEMU could not read its clock.</param>
public sealed record QmpEvent(string Name, JsonElement Data, DateTimeOffset Timestamp)
{
    /// <summary>A migration changed status. Sent with capability <c>events</c> only.</summary>
    public const string Migration = "MIGRATION";

    /// <summary>A pass over guest memory began. Sent with capability <c>events</c> only; only the latest is kept unread.</summary>
    public const string MigrationPass = "MIGRATION_PASS";

    /// <summary>The guest's vCPUs stopped.</summary>
    public const string Stop = "STOP";

    /// <summary>The guest's vCPUs run again.</summary>
    public const string Resume = "RESUME";

    private static readonly JsonElement s_noData = JsonElement.Parse("{}");

    /// <summary>The new status of a <see cref="Migration"/> event; null for every other event.</summary>
    public MigrationStatus? Status =>
        Name == Migration ? MigrationStatuses.Parse(QmpText.OfMember(Data, "status") ?? "") : null;

    /// <summary>
    /// The number of a <see cref="MigrationPass"/> event; null for every other event. QEMU up to 11.0 starts at 1,
    /// 11.1 at 2, and with postcopy-ram on 11.1 counts loop turns instead of passes.
    /// </summary>
    public long? Pass =>
        Name == MigrationPass
        && Data.TryGetProperty("pass", out var pass)
        && pass.ValueKind == JsonValueKind.Number
        && pass.TryGetInt64(out var number) ? number : null;

    /// <returns>Null when the message has an <c>event</c> member but is no event.</returns>
    internal static QmpEvent? TryParse(JsonElement message, DateTimeOffset arrival)
    {
        if (QmpText.OfMember(message, "event") is not { } name)
        {
            return null;
        }

        var data = message.TryGetProperty("data", out var given) ? given : s_noData;
        return data.ValueKind == JsonValueKind.Object ? new QmpEvent(name, data, TimeOf(message) ?? arrival) : null;
    }

    private static DateTimeOffset? TimeOf(JsonElement message)
    {
        // QEMU writes -1 into both members when it cannot read its clock.
        if (message.TryGetProperty("timestamp", out var timestamp)
            && timestamp.ValueKind == JsonValueKind.Object
            && timestamp.TryGetProperty("seconds", out var seconds)
            && timestamp.TryGetProperty("microseconds", out var microseconds)
            && seconds.ValueKind == JsonValueKind.Number
            && microseconds.ValueKind == JsonValueKind.Number
            && seconds.TryGetInt64(out var whole)
            && microseconds.TryGetInt64(out var part)
            && whole is >= 0 and <= 253_402_300_798
            && part is >= 0 and < 1_000_000)
        {
            return DateTimeOffset.FromUnixTimeSeconds(whole).AddMicroseconds(part);
        }

        return null;
    }
}
