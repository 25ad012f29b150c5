using System.Text.Json;

namespace Orchestrator.Qmp;

/// <summary>
/// What this QEMU can do, by its own account (<c>query-qmp-schema</c>). Asked in place of the version number because
/// distributions back-port.
/// </summary>
public sealed class QemuSchema
{
    private readonly Dictionary<string, Entity> _entities;

    private QemuSchema(Dictionary<string, Entity> entities)
    {
        _entities = entities;
        var info = Entry(Entry("query-migrate")?.ReturnType);
        var capabilities = Entry(Entry(Entry("migrate-set-capabilities")?.ArgumentType)?.Members.GetValueOrDefault("capabilities"));
        MigrationCapabilities = Values(Entry(capabilities?.ElementType)?.Members.GetValueOrDefault("capability"));
        MigrationParameters = Members(Entry("migrate-set-parameters")?.ArgumentType);
        MigrationModes = Values(Entry(Entry("migrate-set-parameters")?.ArgumentType)?.Members.GetValueOrDefault("mode"));
        MigrationStatuses = Values(info?.Members.GetValueOrDefault("status"));
        RunStates = Values(Entry(Entry("query-status")?.ReturnType)?.Members.GetValueOrDefault("status"));
        MigrationInfoMembers = Members(Entry("query-migrate")?.ReturnType);
    }

    /// <summary>Names that <c>migrate-set-capabilities</c> takes.</summary>
    public IReadOnlySet<string> MigrationCapabilities { get; }

    /// <summary>Names that <c>migrate-set-parameters</c> takes.</summary>
    public IReadOnlySet<string> MigrationParameters { get; }

    /// <summary>Values of the parameter <c>mode</c>; empty before 8.2.</summary>
    public IReadOnlySet<string> MigrationModes { get; }

    /// <summary>Every status a migration can have.</summary>
    public IReadOnlySet<string> MigrationStatuses { get; }

    /// <summary>Every state a guest can have.</summary>
    public IReadOnlySet<string> RunStates { get; }

    /// <summary>Top-level members that a reply of <c>query-migrate</c> can have.</summary>
    public IReadOnlySet<string> MigrationInfoMembers { get; }

    /// <exception cref="InvalidDataException">The reply is no schema.</exception>
    public static async Task<QemuSchema> ReadAsync(QmpConnection connection, CancellationToken cancellation) =>
        Parse(await connection.ExecuteAsync("query-qmp-schema", null, cancellation));

    /// <param name="reply">The <c>return</c> of <c>query-qmp-schema</c>.</param>
    /// <exception cref="InvalidDataException">The reply is no schema.</exception>
    public static QemuSchema Parse(JsonElement reply)
    {
        if (reply.ValueKind != JsonValueKind.Array)
        {
            throw new InvalidDataException($"query-qmp-schema: expected an array, got {reply.ValueKind}");
        }

        Dictionary<string, Entity> entities = [];
        foreach (var item in reply.EnumerateArray())
        {
            if (QmpText.OfMember(item, "name") is { } name)
            {
                entities[name] = Entity.Parse(item);
            }
        }

        return new QemuSchema(entities);
    }

    public bool HasCommand(string command) => Entry(command)?.Kind == "command";

    public bool HasEvent(string name) => Entry(name)?.Kind == "event";

    public bool HasArgument(string command, string argument) =>
        HasCommand(command) && Members(Entry(command)?.ArgumentType).Contains(argument);

    public bool HasMigrationInfoMember(string member) => MigrationInfoMembers.Contains(member);

    /// <summary>The command may be sent with <see cref="QmpConnection.ExecuteOutOfBandAsync"/>.</summary>
    public bool AllowsOutOfBand(string command) => Entry(command)?.AllowsOutOfBand ?? false;

    private Entity? Entry(string? name) => name is null ? null : _entities.GetValueOrDefault(name);

    private HashSet<string> Members(string? objectType) => [.. Entry(objectType)?.Members.Keys ?? []];

    private HashSet<string> Values(string? enumType) => [.. Entry(enumType)?.Values ?? []];

    /// <summary>One SchemaInfo (qapi/introspect.json). Type names are opaque and differ from build to build.</summary>
    private sealed record Entity
    {
        public required string Kind { get; init; }

        public string? ArgumentType { get; init; }

        public string? ReturnType { get; init; }

        public string? ElementType { get; init; }

        public bool AllowsOutOfBand { get; init; }

        /// <summary>Of an object: member name to type name.</summary>
        public required IReadOnlyDictionary<string, string> Members { get; init; }

        /// <summary>Of an enumeration.</summary>
        public required IReadOnlyList<string> Values { get; init; }

        public static Entity Parse(JsonElement item)
        {
            var reader = new ReplyReader("schema entry", item);
            var kind = reader.Text("meta-type") ?? "";
            Dictionary<string, string> members = [];
            foreach (var member in kind == "object" ? reader.Objects("members") : [])
            {
                if (member.Text("name") is { } name && member.Text("type") is { } type)
                {
                    members[name] = type;
                }
            }

            return new Entity
            {
                Kind = kind,
                ArgumentType = reader.Text("arg-type"),
                ReturnType = reader.Text("ret-type"),
                ElementType = reader.Text("element-type"),
                AllowsOutOfBand = reader.Flag("allow-oob") ?? false,
                Members = members,
                // "members" of an enumeration came in 6.2 beside "values", which is deprecated but still there in 11.1.
                Values = kind != "enum" ? []
                    : [.. reader.Texts("values"), .. reader.Objects("members").Select(member => member.Text("name")).OfType<string>()],
            };
        }
    }
}
