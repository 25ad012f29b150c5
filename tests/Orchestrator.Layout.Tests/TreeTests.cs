using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Orchestrator.Layout.Tests;

public partial class TreeTests
{
    private static readonly string[] s_atTheRoot =
    [
        ".ci", "charts", "migrations-db", "proto", "src", "tests", "CONTRIBUTING.md", "Directory.Build.props", "Directory.Build.targets",
        "Directory.Packages.props", "Orchestrator.sln", "README.md", "global.json", "run", ".editorconfig", ".gitattributes", ".gitignore",

        // Not tracked.
        ".artifacts", ".git",
    ];

    private static readonly string[] s_bags =
        ["Utils", "Util", "Utilities", "Helpers", "Helper", "Common", "Shared", "Extensions", "Core", "Misc"];

    // References go inward only. A project that is not listed may not exist.
    private static readonly Dictionary<string, string[]> s_mayReference = new(StringComparer.Ordinal)
    {
        ["Grpc.Core.Api"] = [],
        ["Grpc.Net.Common"] = ["Grpc.Core.Api"],
        ["Orchestrator.Policy"] = [],
        ["Orchestrator.Contracts"] = [],
        ["Orchestrator.Qmp"] = [],
        ["Orchestrator.BootGuest"] = [],
        ["Orchestrator.Rpc"] = ["Orchestrator.Contracts"],

        // The two processes share the contract and the policy, and this is where the one becomes the other.
        ["Orchestrator.PolicyMessages"] = ["Orchestrator.Policy", "Orchestrator.Contracts", "Orchestrator.Rpc"],
        // What QEMU says as a report's numbers: for the agent, and for the model of the engine that reports as an agent would.
        ["Orchestrator.Reports"] = ["Orchestrator.Contracts", "Orchestrator.Qmp"],
        ["Orchestrator.Plant"] =
        [
            "Orchestrator.Policy", "Orchestrator.PolicyMessages", "Orchestrator.Contracts", "Orchestrator.Rpc", "Orchestrator.Qmp",
            "Orchestrator.Reports",
        ],
        ["Orchestrator.HostAgent"] =
        [
            "Orchestrator.Policy", "Orchestrator.PolicyMessages", "Orchestrator.Contracts", "Orchestrator.Rpc", "Orchestrator.Qmp",
            "Orchestrator.Reports", "Orchestrator.BootGuest",
        ],
        ["Orchestrator.ControlPlane"] =
            ["Orchestrator.Policy", "Orchestrator.PolicyMessages", "Orchestrator.Plant", "Orchestrator.Contracts", "Orchestrator.Rpc"],
        ["Orchestrator.Lab"] =
        [
            "Orchestrator.Policy", "Orchestrator.PolicyMessages", "Orchestrator.Plant", "Orchestrator.Contracts", "Orchestrator.Rpc",
            "Orchestrator.Specs", "Orchestrator.Reports",
        ],
        ["Orchestrator.Specs"] = [],
        ["Orchestrator.Cli"] = ["Orchestrator.Contracts", "Orchestrator.Rpc", "Orchestrator.Specs"],

        // The last three are programs that it starts, not libraries that it calls.
        ["Orchestrator.LocalFleet"] =
        [
            "Orchestrator.Contracts", "Orchestrator.Rpc", "Orchestrator.BootGuest", "Orchestrator.Cli", "Orchestrator.ControlPlane",
            "Orchestrator.HostAgent",
        ],
    };

    [Fact]
    public void Root_HoldsWhatItMayAndNothingElse() =>
        Assert.Empty(Directory.EnumerateFileSystemEntries(Tree.Root).Select(Path.GetFileName).Except(s_atTheRoot));

    [Fact]
    public void NoFolderIsABag() =>
        Assert.Empty(Tree.CSharpFiles().SelectMany(file => Tree.Relative(file).Split('/')).Intersect(s_bags));

    [Fact]
    public void NoFileIsTooLongToHoldInMind() => Assert.Empty(
        Tree.CSharpFiles().Where(file => File.ReadLines(file).Count() > (Tree.Relative(file).StartsWith("src", StringComparison.Ordinal) ? 400 : 600))
            .Select(Tree.Relative));

    [Fact]
    public void ProjectsReferenceOnlyInward()
    {
        foreach (var project in Tree.Files("src", "*.csproj"))
        {
            var name = Path.GetFileNameWithoutExtension(project);
            var referenced = XDocument.Load(project).Descendants("ProjectReference")
                .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));
            Assert.True(s_mayReference.ContainsKey(name), $"{name} has no place in the arrows; give it one.");
            Assert.Empty(referenced.Except(s_mayReference[name]));
        }
    }

    [Fact]
    public void EveryProjectIsInTheSolution()
    {
        var solution = File.ReadAllText(Path.Combine(Tree.Root, "Orchestrator.sln")).Replace('\\', '/');
        var missing = Tree.Files("src", "*.csproj").Concat(Tree.Files("tests", "*.csproj")).Select(Tree.Relative)
            .Where(project => !solution.Contains(project, StringComparison.Ordinal)).ToList();
        Assert.Empty(missing);
    }

    [Fact]
    public void NamespaceIsTheFolder()
    {
        foreach (var file in Tree.CSharpFiles())
        {
            var declared = NamespacePattern().Match(File.ReadAllText(file));
            if (declared.Success)
            {
                var folders = Path.GetDirectoryName(Tree.Relative(file))!.Split('/')[1..];
                Assert.True(
                    declared.Groups[1].Value == string.Join('.', folders),
                    $"{Tree.Relative(file)} declares {declared.Groups[1].Value}, its folder says {string.Join('.', folders)}");
            }
        }
    }

    [Fact]
    public void NoTypeNameIsVague() => Assert.Empty(Tree.CSharpFiles()
        .SelectMany(file => VagueTypePattern().Matches(File.ReadAllText(file)).Select(match => $"{Tree.Relative(file)}: {match.Value}")));

    [Fact]
    public void NoWarningIsSwitchedOffWithoutAReason() => Assert.Empty(Tree.CSharpFiles()
        .SelectMany(file => File.ReadLines(file).Where(line => PragmaWithoutReasonPattern().IsMatch(line)).Select(line => $"{Tree.Relative(file)}: {line}")));

    [Fact]
    public void SqlNeverReadsTheClock_ButForLeases() => Assert.Empty(
        Tree.Files("src", "*.cs").Where(file => ClockInSqlPattern().IsMatch(File.ReadAllText(file))).Select(Tree.Relative)
            .Except(["src/Orchestrator.ControlPlane/Replicas/ReplicaStore.cs", "src/Orchestrator.ControlPlane/Replicas/LeaseStore.cs"]));

    [Fact]
    public void NoFileNamesOneMachine() => Assert.Empty(
        Tree.Files("src", "*").Concat(Tree.Files("tests", "*")).Concat(Tree.Files("proto", "*")).Concat(Tree.Files(".ci", "*"))
            .Where(file => Path.GetExtension(file) is ".cs" or ".csproj" or ".proto" or ".sh" or ".py" or ".S" or ".sql" or ".json" or "")
            .Where(file => !file.EndsWith("TreeTests.cs", StringComparison.Ordinal))
            .Where(file => File.ReadAllText(file) is var text
                && (MachinePathPattern().IsMatch(text) || text.Contains(Tree.Root + "/", StringComparison.Ordinal)))
            .Select(Tree.Relative));

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespacePattern();

    [GeneratedRegex(@"\b(class|record|struct|interface|enum) \w+(Manager|Helper|Helpers|Processor|Impl|Utils)\b")]
    private static partial Regex VagueTypePattern();

    [GeneratedRegex(@"#pragma warning disable \w+\s*$")]
    private static partial Regex PragmaWithoutReasonPattern();

    [GeneratedRegex(@"\b(now\(\)|CURRENT_TIMESTAMP|clock_timestamp\(\))")]
    private static partial Regex ClockInSqlPattern();

    // A user's folder, or the address of a package source: which ones there are is the machine's own affair.
    [GeneratedRegex(@"/root/|/home/\w|https?://(api|deb|registry|packages|index|feeds?)\.")]
    private static partial Regex MachinePathPattern();
}
