using Google.Protobuf;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Convergence.Replay;
using Orchestrator.V1;

namespace Orchestrator.PolicyMessages.Tests;

/// <summary>A folder of Recordings.</summary>
internal sealed record RecordedMigration(ConvergenceDocument Own, ReplayTerms Terms, Recording Recording)
{
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "Recordings");

    public static IEnumerable<string> Names() =>
        Directory.EnumerateDirectories(Folder).Select(folder => Path.GetFileName(folder)!).Where(name => name != "policies").Order(StringComparer.Ordinal);

    public static RecordedMigration Read(string name)
    {
        var readings = Parse<ListReadingsResponse>(Path.Combine(name, "readings.json")).Readings;
        var decisions = Parse<ListDecisionsResponse>(Path.Combine(name, "decisions.json")).Decisions;
        return new RecordedMigration(
            Document(Path.Combine(name, "policy.json")),
            Parse<ReplayMigrationResponse>(Path.Combine(name, "replay.json")).Terms,
            RecordingMessage.Read(readings, decisions, _ => null) ?? throw new InvalidDataException($"{name} lacks what a replay needs."));
    }

    /// <summary>Those that every recording is replayed under besides its own.</summary>
    public static IEnumerable<(string Name, ConvergenceDocument Document)> Others() =>
        Directory.EnumerateFiles(Path.Combine(Folder, "policies")).Order(StringComparer.Ordinal)
            .Select(file => (Path.GetFileNameWithoutExtension(file), Document(Path.Combine("policies", Path.GetFileName(file)))));

    public ReplayOutcome Replay(ConvergenceDocument document) => ReplayPolicy.Run(ReplayTermsMessage.Read(Terms, document), Recording);

    private static ConvergenceDocument Document(string path) => PolicyDocumentParser.ParseStored(Parse<GetPolicyResponse>(path).Policy.Document);

    private static T Parse<T>(string path)
        where T : IMessage<T>, new() => JsonParser.Default.Parse<T>(File.ReadAllText(Path.Combine(Folder, path)));
}
