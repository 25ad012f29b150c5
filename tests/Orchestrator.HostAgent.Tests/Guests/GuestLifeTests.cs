using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Orchestrator.Agent.V1;
using Orchestrator.BootGuest;
using Orchestrator.HostAgent.Guests;
using Orchestrator.HostAgent.Host;
using Orchestrator.HostAgent.Tests.Fleet;
using Orchestrator.V1;
using ListGuestsRequest = Orchestrator.Agent.V1.ListGuestsRequest;
using PauseGuestRequest = Orchestrator.Agent.V1.PauseGuestRequest;
using ResumeGuestRequest = Orchestrator.Agent.V1.ResumeGuestRequest;
using StartGuestRequest = Orchestrator.Agent.V1.StartGuestRequest;
using StopGuestRequest = Orchestrator.Agent.V1.StopGuestRequest;

namespace Orchestrator.HostAgent.Tests.Guests;

/// <summary>A guest's life on one host, with a real engine.</summary>
[Collection(QemuTests.Name)]
public sealed class GuestLifeTests : IAsyncLifetime
{
    private const string Id = "web-1";
    private TestAgent _agent = null!;

    public async Task InitializeAsync() =>
        _agent = await TestAgent.StartAsync("h1", TestFolder.Next(), "127.0.0.1");

    public async Task DisposeAsync() => await _agent.DisposeAsync();

    [Fact]
    public async Task Start_IsRepeatable_PinsTheMachine_AndStopRemovesEverything()
    {
        var started = await StartAsync();
        Assert.Equal(RunState.Running, started.RunState);
        Assert.Matches(@"^pc-q35-[0-9]+\.[0-9]+$", started.Spec.MachineType);
        Assert.NotEmpty(started.EngineVersion);
        Assert.Equal(started, await StartAsync());

        // The pinned spec is the same machine too, another size is not.
        Assert.Equal(started, (await _agent.Client.StartGuestAsync(new StartGuestRequest { GuestId = Id, Spec = started.Spec })).Guest);
        var another = started.Spec.Clone();
        another.Vcpus = 2;
        Assert.Equal("GUEST_PRESENT", await RefusalAsync(() => _agent.Client.StartGuestAsync(new StartGuestRequest { GuestId = Id, Spec = another })));

        // Nothing in the guest listens for its power button, so the grace runs out.
        await _agent.Client.StopGuestAsync(new StopGuestRequest { GuestId = Id, Grace = TimeSpan.FromMilliseconds(300).ToDuration() });
        Assert.Null(ProcessIdentity.Of((int)started.Pid));
        Assert.False(_agent.Folder(Id).Exists);
        await _agent.Client.StopGuestAsync(new StopGuestRequest { GuestId = Id });
        Assert.Empty((await _agent.Client.ListGuestsAsync(new ListGuestsRequest())).Guests);
    }

    [Fact]
    public async Task PauseAndResume_AreRepeatable_AndOutliveTheAgent()
    {
        await StartAsync();
        await using var console = await ConsoleAsync();
        Assert.Equal(RunState.Paused, (await PauseAsync()).RunState);
        Assert.Equal(RunState.Paused, (await PauseAsync()).RunState);

        await _agent.StopAsync();
        await _agent.StartAsync();
        await StateUntilAsync(RunState.Paused);

        Assert.Equal(RunState.Running, (await ResumeAsync()).RunState);
        Assert.Equal(RunState.Running, (await ResumeAsync()).RunState);
        Assert.Equal("GUEST_UNKNOWN", await RefusalAsync(() => _agent.Client.PauseGuestAsync(new PauseGuestRequest { GuestId = "nobody" })));

        async Task<AgentGuest> PauseAsync() => (await _agent.Client.PauseGuestAsync(new PauseGuestRequest { GuestId = Id })).Guest;
        async Task<AgentGuest> ResumeAsync() => (await _agent.Client.ResumeGuestAsync(new ResumeGuestRequest { GuestId = Id })).Guest;
    }

    [Fact]
    public async Task AgentRestarted_TheGuestIsFoundAgainAndHasNotNoticed()
    {
        var started = await StartAsync();
        await using var console = await ConsoleAsync();
        using var bound = new CancellationTokenSource(TestAgent.Bound);
        var before = await console.WaitForBeatAsync(_ => true, bound.Token);

        await _agent.StopAsync();
        var meanwhile = await console.WaitForBeatAsync(beat => beat.Counter > before.Counter + 20, bound.Token);
        await _agent.StartAsync();

        var found = await StateUntilAsync(RunState.Running);
        Assert.Equal(started, found);
        await console.WaitForBeatAsync(beat => beat.Counter > meanwhile.Counter + 20, bound.Token);
        var trace = HeartbeatTrace.Between(ConsoleTranscript.Empty, console.Transcript);
        Assert.Equal((0UL, 0), (trace.Missing, trace.Repeated));
    }

    [Fact]
    public async Task EngineDies_ItIsSeen_AndTheGuestCanBeStartedAgain()
    {
        var first = await StartAsync();
        ProcessIdentity.Of((int)first.Pid)!.Kill();
        await StateUntilAsync(RunState.Gone);
        Assert.Equal("WRONG_STATE", await RefusalAsync(() => _agent.Client.ResumeGuestAsync(new ResumeGuestRequest { GuestId = Id })));

        // Gone is gone for the next agent too.
        await _agent.StopAsync();
        await _agent.StartAsync();
        await StateUntilAsync(RunState.Gone);

        var second = await StartAsync();
        Assert.Equal(RunState.Running, second.RunState);
        Assert.NotEqual(first.Pid, second.Pid);
    }

    [Fact]
    public async Task ManyAskForTheRunStateAtOnce_WhatIsNotedLast_IsWhatTheEngineSaidLast()
    {
        await StartAsync();
        var guest = _agent.Guest(Id);
        var monitor = await guest.MonitorAsync(TestAgent.Bound, CancellationToken.None);
        for (var round = 0; round < 200; round++)
        {
            // The answers of before and after the stop come back in order and are taken up by whichever thread is free.
            await Task.WhenAll([.. Ask(), monitor.StopAsync(CancellationToken.None), .. Ask()]);
            Assert.Equal(RunState.Paused, guest.RunState.State);
            await monitor.ContinueAsync(CancellationToken.None);
            await guest.ReadRunStateAsync(monitor, CancellationToken.None);
        }

        IEnumerable<Task> Ask() => [.. Enumerable.Range(0, 8).Select(_ => guest.ReadRunStateAsync(monitor, CancellationToken.None))];
    }

    [Fact]
    public async Task AgentDiedDuringTheStart_TheProcessIsAdopted()
    {
        var started = await StartAsync();
        await _agent.StopAsync();
        var record = GuestRecord.Read(_agent.Folder(Id).Record);
        (record with { Process = null }).Write(_agent.Folder(Id).Record);

        await _agent.StartAsync();

        Assert.Equal(started.Pid, (await StateUntilAsync(RunState.Running)).Pid);
    }

    [Fact]
    public async Task RecordDamaged_ItsProcessIsLeftAlone()
    {
        var started = await StartAsync();
        await _agent.StopAsync();
        await File.WriteAllTextAsync(_agent.Folder(Id).Record, "{");
        await _agent.StartAsync();

        Assert.Empty((await _agent.Client.ListGuestsAsync(new ListGuestsRequest())).Guests);
        Assert.Equal("GUEST_PRESENT", await RefusalAsync(() => _agent.Client.StartGuestAsync(Request())));
        Assert.NotNull(ProcessIdentity.Of((int)started.Pid));
    }

    [Fact]
    public async Task Refusals_NameWhatIsWrong()
    {
        var tooLarge = Request();
        tooLarge.Spec.MemoryBytes = 8UL << 40;
        var memory = await Assert.ThrowsAsync<RpcException>(async () => await _agent.Client.StartGuestAsync(tooLarge));
        var facts = Rpc.Errors.Refusal.FindDetail<Google.Rpc.ErrorInfo>(memory)!;
        Assert.Equal("NOT_ENOUGH_MEMORY", facts.Reason);
        Assert.Equal(((8UL << 40) + MemoryAdmission.EngineOverhead).ToString(System.Globalization.CultureInfo.InvariantCulture), facts.Metadata["needed_bytes"]);
        Assert.Contains(facts.Metadata["available_bytes"], memory.Status.Detail, StringComparison.Ordinal);

        var kvm = Request();
        kvm.Spec.Accelerator = Accelerator.Kvm;
        Assert.Equal("ACCELERATOR_UNUSABLE", await RefusalAsync(() => _agent.Client.StartGuestAsync(kvm)));

        var machine = Request();
        machine.Spec.MachineType = "pc-q35-99.9";
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await _agent.Client.StartGuestAsync(machine));
        Assert.Equal("ENGINE_REFUSED", TwoHosts.ReasonOf(refused));
        Assert.Contains("pc-q35-99.9", refused.Status.Detail, StringComparison.Ordinal);
        Assert.False(_agent.Folder(Id).Exists);

        var unsound = await Assert.ThrowsAsync<RpcException>(async () => await _agent.Client.StartGuestAsync(new StartGuestRequest { GuestId = "No" }));
        Assert.Equal(
            ["guest_id", "spec"], Rpc.Errors.Refusal.FindDetail<Google.Rpc.BadRequest>(unsound)!.FieldViolations.Select(violation => violation.Field));
    }

    [Fact]
    public async Task DescribeHost_SaysWhatTheEngineIsAndCan()
    {
        var host = (await _agent.Client.DescribeHostAsync(new DescribeHostRequest())).Description;

        Assert.Equal(("h1", "127.0.0.1"), (host.HostId, host.MigrationAddress));
        Assert.NotEmpty(host.AgentInstanceId);
        var engine = Assert.Single(host.Engines);
        Assert.Equal(["tcg"], engine.Accelerators);
        Assert.Matches(@"^[0-9]+\.[0-9]+", engine.Version);
        Assert.True(File.Exists(engine.Program));
        Assert.False(Directory.Exists(Path.Combine(_agent.RuntimeFolder, "probes", "engine")));
        Assert.Contains(host.Engines[0].MachineTypes, type => type.StartsWith("pc-q35-", StringComparison.Ordinal));
        Assert.DoesNotContain("q35", host.Engines[0].MachineTypes);
        Assert.InRange(host.MemoryAllocatableBytes, 1UL, host.MemoryTotalBytes);
        Assert.Equal(host.Cpus * 8, host.VcpusAllocatable);
        Assert.Single(host.Links, link => link.CarriesMigrations);
        Assert.NotEmpty(host.CpuFlags);
    }

    [Fact]
    public async Task Kvm_IsBelievedOnlyWhenAGuestAnsweredOnIt()
    {
        var probed = await TestAgent.StartAsync(
            "h2", TestFolder.Next(), "127.0.0.2", ("Agent:ProbeKvm", "true"));
        await using (probed)
        {
            // Served meanwhile.
            Assert.Equal(["tcg"], (await probed.Client.DescribeHostAsync(new DescribeHostRequest())).Description.Engines[0].Accelerators.Take(1));
            await probed.Services.GetServices<Microsoft.Extensions.Hosting.IHostedService>().OfType<AcceleratorProbe>().Single()
                .ExecuteTask!.WaitAsync(TestAgent.Bound);

            var spec = Request().Spec;
            spec.Accelerator = Accelerator.Kvm;
            var believed = (await probed.Client.DescribeHostAsync(new DescribeHostRequest())).Description.Engines[0].Accelerators.Contains("kvm");
            if (believed)
            {
                await probed.Client.StartGuestAsync(new StartGuestRequest { GuestId = Id, Spec = spec });
                using var bound = new CancellationTokenSource(TestAgent.Bound);
                await using var console = await HeartbeatReader.ConnectAsync(probed.Folder(Id).SerialSocket, TimeProvider.System, bound.Token);
                await console.WaitForBeatAsync(_ => true, bound.Token);
            }
            else
            {
                Assert.Equal(
                    "ACCELERATOR_UNUSABLE",
                    await RefusalAsync(() => probed.Client.StartGuestAsync(new StartGuestRequest { GuestId = Id, Spec = spec })));
            }

            Assert.False(Directory.Exists(Path.Combine(probed.RuntimeFolder, "probes", "kvm")));
        }
    }

    [Fact]
    public async Task SecondAgentOnTheSameFolder_DoesNotStart()
    {
        var refused = await Assert.ThrowsAsync<AgentStartException>(() => TestAgent.StartAsync("h2", _agent.RuntimeFolder, "127.0.0.2"));
        Assert.Contains(_agent.RuntimeFolder, refused.Message, StringComparison.Ordinal);
    }

    private static async Task<string?> RefusalAsync<T>(Func<AsyncUnaryCall<T>> call) =>
        TwoHosts.ReasonOf(await Assert.ThrowsAsync<RpcException>(async () => await call()));

    private static StartGuestRequest Request() => new() { GuestId = Id, Spec = TwoHosts.SpecOf(workingSet: 4, rate: 4, fill: 0, memory: 32) };

    private async Task<AgentGuest> StartAsync() => (await _agent.Client.StartGuestAsync(Request())).Guest;

    private async Task<HeartbeatReader> ConsoleAsync()
    {
        using var bound = new CancellationTokenSource(TestAgent.Bound);
        return await HeartbeatReader.ConnectAsync(_agent.Folder(Id).SerialSocket, TimeProvider.System, bound.Token);
    }

    /// <summary>As an observer sees the guests of the host.</summary>
    private async Task<AgentGuest> StateUntilAsync(RunState state)
    {
        using var bound = new CancellationTokenSource(TestAgent.Bound);
        using var stream = _agent.Client.Observe(new ObserveRequest(), cancellationToken: bound.Token);
        while (await stream.ResponseStream.MoveNext(bound.Token))
        {
            Assert.Equal("h1", stream.ResponseStream.Current.HostId);
            if (stream.ResponseStream.Current.Guests.SingleOrDefault(guest => guest.RunState == state) is { } found)
            {
                return found;
            }
        }

        throw new TimeoutException($"No guest is {state}.");
    }
}
