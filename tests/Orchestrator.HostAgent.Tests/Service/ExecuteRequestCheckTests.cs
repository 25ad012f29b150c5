using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.HostAgent.Service;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Tests.Service;

public class ExecuteRequestCheckTests
{
    [Fact]
    public void Check_Empty_NamesEverything() => Assert.Equal(["migration_id", "command_id", "command"], FieldsOf(new ExecuteRequest()));

    [Fact]
    public void Check_Prepare_ChecksTheSpecWithItsWholePath() => Assert.Equal(
        ["prepare_target.guest_id", "prepare_target.port", "prepare_target.spec.memory_bytes"],
        FieldsOf(Sound(request => request.PrepareTarget = new PrepareTarget { Port = 70000, Spec = new MachineSpec() })));

    [Theory]
    [InlineData("tcp:127.0.0.2:49152", true)]
    [InlineData("tcp:[::1]:49152", true)]
    [InlineData("tcp:127.0.0.2:0", false)]
    [InlineData("tcp:127.0.0.2:70000", false)]
    [InlineData("tcp:host:1", false)]
    [InlineData("tcp:127.0.0.2:1,server=on", false)]
    [InlineData("exec:rm -rf /", false)]
    [InlineData("file:/etc/passwd", false)]
    [InlineData("", false)]
    public void Check_TargetUri_IsAnAddressAndNothingElse(string uri, bool sound) => Assert.Equal(
        sound, FieldsOf(Sound(request => request.RecoverSource = new RecoverSource { TargetUri = uri })).Count == 0);

    [Fact]
    public void Check_Start_BoundsTheLimitAndTheEndpoint()
    {
        Assert.Equal(
            ["start_source.downtime_limit", "start_source.target_agent_endpoint"],
            FieldsOf(Sound(request => request.StartSource = new StartSource
            {
                GuestId = "g1",
                TargetUri = "tcp:127.0.0.2:1",
                DowntimeLimit = TimeSpan.FromSeconds(2001).ToDuration(),
                TargetAgentEndpoint = "nowhere",
            })));
    }

    [Fact]
    public void Check_Unattended_IsHeldToWhatThePolicyAllows()
    {
        var terms = new UnattendedTerms
        {
            Silence = TimeSpan.FromSeconds(0.5).ToDuration(),
            Deadline = TimeSpan.FromSeconds(-1).ToDuration(),
            OverheadTypical = TimeSpan.FromSeconds(-1).ToDuration(),
            OverheadHigh = TimeSpan.FromSeconds(2001).ToDuration(),
            LineBytesPerSecond = ulong.MaxValue,
            Document = new PolicyDocument(),
        };
        string[] wrong =
        [
            "silence", "max_downtime", "deadline", "overhead_typical", "overhead_high", "line_bytes_per_second", "document.initial_downtime", "document.max_downtime",
            "document.steps",
        ];

        Assert.Equal(
            wrong.Select(field => $"adjust_source.unattended.{field}"),
            FieldsOf(Sound(request => request.AdjustSource = new AdjustSource { Unattended = terms })));
        Assert.Equal(
            wrong.Select(field => $"start_source.unattended.{field}"),
            FieldsOf(Sound(request => request.StartSource = new StartSource
            {
                GuestId = "g1",
                TargetUri = "tcp:127.0.0.2:1",
                DowntimeLimit = TimeSpan.FromSeconds(1).ToDuration(),
                Unattended = terms,
            })));
        Assert.Equal(
            ["pause_source.max_pause"],
            FieldsOf(Sound(request => request.PauseSource = new PauseSource { MaxPause = TimeSpan.FromHours(2).ToDuration() })));
    }

    [Theory]
    [InlineData(1, 1, 1, true)]
    [InlineData(20, 10, 19, false)]
    [InlineData(0, 10, 99, false)]
    [InlineData(99, 99, 99, true)]
    [InlineData(100, 10, 99, false)]
    public void Check_Throttle_IsHeldToWhatTheEngineTakes(uint initial, uint increment, uint max, bool sound) => Assert.Equal(
        sound,
        FieldsOf(Sound(request => request.AdjustSource = new AdjustSource
        {
            Throttle = new ThrottleBounds { InitialPercent = initial, IncrementPercent = increment, MaxPercent = max },
        })).Count == 0);

    private static ExecuteRequest Sound(Action<ExecuteRequest> set)
    {
        var request = new ExecuteRequest { MigrationId = Guid.NewGuid().ToString(), CommandId = 1 };
        set(request);
        return request;
    }

    private static List<string> FieldsOf(ExecuteRequest request)
    {
        Violations violations = new();
        ExecuteRequestCheck.Check(request, violations);
        return [.. violations.Found.Select(violation => violation.Field)];
    }
}
