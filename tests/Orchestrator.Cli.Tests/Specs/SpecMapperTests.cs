using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Tests.Scripted;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests.Specs;

public class SpecMapperTests
{
    private const string Yaml = """
        # a comment
        name: mine
        document:
          description: Climb, then give up.
          initial_downtime: 30ms
          maxDowntime: 400 ms
          exponential:
            factor: 1.5
            time: 5s
          steps:
            - raise_downtime:
            - when:
                - stalled: {rounds: 3}
                - elapsed_above: 1m30s
              abort: {}
          bandwidth:
            max_bytes_per_second: 64MiB/s
        """;

    [Fact]
    public void Map_Yaml_GivesTheMessage()
    {
        var (request, faults) = Read<CreatePolicyRequest>(Yaml);

        Assert.Empty(faults);
        Assert.Equal(new CreatePolicyRequest { Name = "mine", Document = Sample.Document() }, request);
    }

    [Fact]
    public void Map_CanonicalProtoJson_GivesTheSameMessage()
    {
        var wanted = new CreatePolicyRequest { Name = "mine", Document = Sample.Document() };
        foreach (var json in new[] { JsonFormatter.Default.Format(wanted), "\t" + wanted.ToString().Replace(" ", "\t", StringComparison.Ordinal) })
        {
            var (request, faults) = Read<CreatePolicyRequest>(json);

            Assert.Empty(faults);
            Assert.Equal(wanted.Name, request.Name);
            Assert.Equal(wanted.Document.Steps, request.Document.Steps);
            Assert.Equal(wanted.Document.Bandwidth, request.Document.Bandwidth);
        }
    }

    [Fact]
    public void Map_ManyFaults_NamesThemAllWithPathAndLine()
    {
        var (_, faults) = Read<CreatePolicyRequest>("""
            name: mine
            document:
              max_downtime: 400
              initial_downtime:
              colour: red
              exponential: {factor: fast}
              ladder: {rungs: [{limit: [1s]}]}
              steps:
                - when: {stalled: {}}
                  pause: {max_pause: 1s, max_pauses: 2s}
                - abort: {hard: true}
              free_page_hint: yes
              bandwidth: {max_bytes_per_second: 10MB}
              maxDowntime: 1s
            """);

        Assert.Equal(
            [
                ("document.max_downtime", 3), ("document.initial_downtime", 4), ("document.colour", 5), ("document.exponential.factor", 6),
                ("document.ladder", 7), ("document.steps[0].when", 9), ("document.steps[0].pause.max_pauses", 10),
                ("document.steps[1].abort.hard", 11), ("document.free_page_hint", 12), ("document.bandwidth.max_bytes_per_second", 13),
                ("document.max_downtime", 14),
            ],
            faults.Select(fault => (fault.Field, fault.Line ?? 0)));
        Assert.Contains("write a number with d, h, m, s", faults[0].Description, StringComparison.Ordinal);
        Assert.StartsWith("is not known; allowed: description, initial_downtime, max_downtime, exponential", faults[2].Description, StringComparison.Ordinal);
        Assert.Equal("only one of exponential, ladder, predictive may be given", faults[4].Description);
        Assert.Equal("must be a list", faults[5].Description);
        Assert.Equal("is not known; no fields are allowed here; write {}", faults[7].Description);
        Assert.Equal("\"yes\" does not fit; write true or false", faults[8].Description);
        Assert.Equal("is given twice", faults[10].Description);
    }

    [Theory]
    [InlineData("on_control_plane_loss: agent_decides\nretry: {attempts: 3, backoff: 30s, next_policy: doubling}")]
    [InlineData("{\"onControlPlaneLoss\": \"ON_CONTROL_PLANE_LOSS_AGENT_DECIDES\", \"retry\": {\"attempts\": 3, \"backoff\": \"30s\", \"nextPolicy\": \"doubling\"}}")]
    public void Map_WhatHappensWithoutUs_IsOfTheDocument(string text)
    {
        var (document, faults) = Read<PolicyDocument>(text);

        Assert.Empty(faults);
        Assert.Equal(OnControlPlaneLoss.AgentDecides, document.OnControlPlaneLoss);
        Assert.Equal(new RetryTerms { Attempts = 3, Backoff = Sample.Ms(30_000), NextPolicy = "doubling" }, document.Retry);
    }

    [Theory]
    [InlineData("accelerator: tcg", Accelerator.Tcg)]
    [InlineData("accelerator: KVM", Accelerator.Kvm)]
    [InlineData("accelerator: ACCELERATOR_KVM", Accelerator.Kvm)]
    public void Map_Enum_TakesWordAndProtoName(string yaml, Accelerator wanted)
    {
        var (spec, faults) = Read<MachineSpec>(yaml);

        Assert.Empty(faults);
        Assert.Equal(wanted, spec.Accelerator);
    }

    [Fact]
    public void Map_UnknownEnumMember_NamesTheAllowed()
    {
        var fault = Assert.Single(Read<MachineSpec>("accelerator: xen").Faults);
        Assert.Equal(new FieldFault("accelerator", "\"xen\" does not fit; write one of tcg, kvm", 1), fault);
    }

    [Theory]
    [InlineData("memory_bytes: -1")]
    [InlineData("vcpus: 1.5")]
    [InlineData("vcpus: 4294967296")]
    [InlineData("boot_guest: 5")]
    [InlineData("disks: [5]")]
    [InlineData("[1, 2]")]
    [InlineData("disks: [{read_only: 1}]")]
    public void Map_WrongKindOfValue_IsAFault(string yaml) => Assert.Single(Read<MachineSpec>(yaml).Faults);

    [Fact]
    public void Map_ExplicitNull_IsAbsent()
    {
        var (spec, faults) = Read<MachineSpec>("{vcpus: null, boot_guest: ~, memory_bytes: 64MiB}");

        Assert.Empty(faults);
        Assert.Equal(new MachineSpec { MemoryBytes = 64 * Sample.MiB }, spec);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("a: 1\n---\nb: 2", "more than one")]
    [InlineData("a: [1", "is no YAML")]
    [InlineData("a: 1\na: 2", "is no YAML")]
    [InlineData("? [x]\n: 1", "a key must be a name")]
    [InlineData("a: &a [*a]", "is no YAML")]
    public void TryRead_NoDocument_SaysWhy(string text, string why)
    {
        Assert.False(SpecReader.TryRead(text, out _, out var fault));
        Assert.Contains(why, fault.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void TryRead_AliasesOfAliases_EndBeforeTheyFillTheMemory()
    {
        var bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + string.Concat(
            Enumerable.Range(1, 12).Select(at => $"a{at}: &a{at} [*a{at - 1},*a{at - 1},*a{at - 1},*a{at - 1},*a{at - 1},*a{at - 1},*a{at - 1},*a{at - 1}]\n"));
        Assert.False(SpecReader.TryRead(bomb, out _, out var fault));
        Assert.Contains("larger than", fault.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_AnyDocument_ReadsBackTheSame()
    {
        var awkward = Sample.Document();
        awkward.Description = "quotes \" and \\, a colon: x # no comment\nnew line \t \u00e4 \ud83d\ude00 - yes";
        awkward.FreePageHint = true;
        awkward.OnControlPlaneLoss = OnControlPlaneLoss.AbortAtDeadline;
        awkward.Retry = new RetryTerms { Attempts = 3, Backoff = Sample.Ms(5000), NextPolicy = "doubling" };
        awkward.Ladder = new LadderPacing
        {
            Rungs =
            {
                new Rung { Limit = Sample.Ms(100), Passes = 3 },
                new Rung { Limit = new Duration { Seconds = 1, Nanos = 1 }, TimePerGib = Sample.Ms(1500) },
            },
        };
        awkward.Steps.Insert(0, new LadderStep());
        awkward.Steps.Add(new LadderStep { PostCopy = new PostCopy { MaxBytesPerSecond = 12_345 } });
        awkward.Stop = new StopConditions { MaxTransferFactor = 0.1, MaxTotalTime = new Duration() };
        awkward.Steps.Add(new LadderStep { When = { new Trigger { LimitExhausted = new LimitExhausted { For = Sample.Ms(0) } }, new Trigger { PassesAbove = 0 } } });

        foreach (var name in new[] { "mine", "yes", "null", "7", "a.b-c", "", "- x", "true", "~" })
        {
            var written = new CreatePolicyRequest { Name = name, Document = awkward };
            var (read, faults) = Read<CreatePolicyRequest>(SpecWriter.Write(written));
            Assert.Empty(faults);
            Assert.Equal(written, read);
        }
    }

    [Fact]
    public void Write_IsReadable() => Assert.Equal(
        """
        name: mine
        document:
          description: "Climb, then give up."
          initial_downtime: 30ms
          max_downtime: 400ms
          exponential:
            factor: 1.5
            time: 5s
          steps:
            - raise_downtime: {}
            - when:
                - stalled:
                    rounds: 3
                - elapsed_above: 1m30s
              abort: {}
          bandwidth:
            max_bytes_per_second: 64MiB/s

        """,
        SpecWriter.Write(new CreatePolicyRequest { Name = "mine", Document = Sample.Document() }));

    [Theory]
    [MemberData(nameof(FileMessages))]
    public void EveryFieldOfAFile_HasAKindThatFilesCanHold(string _, MessageDescriptor type)
    {
        foreach (var field in type.Fields.InDeclarationOrder())
        {
            Assert.False(field.IsMap, field.FullName);
            Assert.True(
                field.FieldType is FieldType.Message or FieldType.UInt64 or FieldType.UInt32 or FieldType.Double or FieldType.Bool
                    or FieldType.String or FieldType.Enum,
                $"{field.FullName} is {field.FieldType}");
        }
    }

    public static TheoryData<string, MessageDescriptor> FileMessages()
    {
        var found = new Dictionary<string, MessageDescriptor>();
        Add(CreatePolicyRequest.Descriptor);
        Add(MachineSpec.Descriptor);
        var cases = new TheoryData<string, MessageDescriptor>();
        foreach (var (name, type) in found)
        {
            cases.Add(name, type);
        }

        return cases;

        void Add(MessageDescriptor type)
        {
            if (type != Duration.Descriptor && found.TryAdd(type.FullName, type))
            {
                foreach (var field in type.Fields.InDeclarationOrder().Where(field => field.FieldType == FieldType.Message))
                {
                    Add(field.MessageType);
                }
            }
        }
    }

    private static (T Message, IReadOnlyList<FieldFault> Faults) Read<T>(string text)
        where T : IMessage, new()
    {
        Assert.True(SpecReader.TryRead(text, out var node, out var fault), fault?.Description);
        var message = new T();
        return (message, SpecMapper.Map(node, message));
    }
}
