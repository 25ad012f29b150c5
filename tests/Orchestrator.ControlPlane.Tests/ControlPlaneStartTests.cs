using System.Diagnostics;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Database;
using Orchestrator.TestPostgres;
using Orchestrator.V1;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace Orchestrator.ControlPlane.Tests;

/// <summary>Starting and refusing to start, and the server as a whole.</summary>
public sealed class ControlPlaneStartTests(ControlPlaneFixture fleet) : IClassFixture<ControlPlaneFixture>
{
    [Theory]
    [InlineData("--Listen:Address=http://0.0.0.0:7443", "Listen:AllowPlaintextOffLoopback=true")]
    [InlineData("--Listen:Address=nonsense", "is no listen address")]
    [InlineData("--Agents:SilenceLimit=00:00:00", "SilenceLimit")]
    [InlineData("--Database:RetryFor=1.00:00:00", "RetryFor")]
    [InlineData("--Migrations:DefaultPolicy=Not a name", "DefaultPolicy")]
    public async Task SettingsThatCannotBe_RefuseTheStartAndSayWhich(string setting, string says)
    {
        var (code, errors) = await RunAsync(
            "--Listen:Address=http://127.0.0.1:0", $"--Database:ConnectionString={fleet.ConnectionString}", setting);

        Assert.Equal(1, code);
        Assert.Contains(says, errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SettingsFromTheEnvironment_Count()
    {
        var (code, errors) = await RunAsync([$"--Database:ConnectionString={fleet.ConnectionString}"], ("ORCHESTRATOR_Listen__Address", "nonsense"));

        Assert.Equal(1, code);
        Assert.Contains("\"nonsense\" is no listen address", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DatabaseAway_HealthSaysSo_CallsAreToldToTryAgain_AndBothEndWhenItIsBack()
    {
        var data = Directory.CreateTempSubdirectory("orchestrator-away-").FullName;
        File.SetUnixFileMode(data, File.GetUnixFileMode(data) | UnixFileMode.OtherExecute);
        var server = await StartServerAsync(data);
        try
        {
            var connectionString = EmbeddedPostgres.ConnectionString(EmbeddedPostgresFolders.In(data));
            var channel = await fleet.AddReplicaAsync(
                $"--Database:ConnectionString={connectionString}", "--Database:ProbeEvery=00:00:00.1", "--Database:RetryFor=00:00:00");
            var health = new Health.HealthClient(channel);
            var policies = new PolicyService.PolicyServiceClient(channel);
            Assert.Equal(ServingStatus.Serving, (await health.CheckAsync(new HealthCheckRequest())).Status);

            await server.StopAsync();
            await Eventually.HoldsAsync(async () => (await health.CheckAsync(new HealthCheckRequest())).Status == ServingStatus.NotServing);
            await Refused.WithAsync(
                "DATABASE_AWAY", StatusCode.Unavailable, async () => await policies.ListPoliciesAsync(new ListPoliciesRequest()));

            server = await StartServerAsync(data);
            await Eventually.HoldsAsync(async () => (await health.CheckAsync(new HealthCheckRequest())).Status == ServingStatus.Serving);
            Assert.Equal(21, (await policies.ListPoliciesAsync(new ListPoliciesRequest())).Policies.Count);
        }
        finally
        {
            await server.StopAsync();
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task EightReplicasAtOnce_AllStart()
    {
        var database = await PostgresFixture.CreateEmptyAsync();

        var channels = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(
            () => fleet.AddReplicaAsync($"--Database:ConnectionString={database.ConnectionString}"))));

        foreach (var channel in channels)
        {
            Assert.Equal(21, (await new PolicyService.PolicyServiceClient(channel).ListPoliciesAsync(new ListPoliciesRequest())).Policies.Count);
        }

        await database.DisposeAsync();
    }

    private static async Task<EmbeddedPostgres> StartServerAsync(string data)
    {
        var server = new EmbeddedPostgres(
            Options.Create(new DatabaseOptions { DataFolder = data }), TimeProvider.System, NullLogger<EmbeddedPostgres>.Instance);
        await server.StartAsync(CancellationToken.None);
        return server;
    }

    private static Task<(int Code, string Errors)> RunAsync(params string[] settings) => RunAsync(settings, ("UNUSED", ""));

    private static async Task<(int Code, string Errors)> RunAsync(string[] settings, (string Name, string Value) variable)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "Orchestrator.ControlPlane.dll");
        var start = new ProcessStartInfo("dotnet", [program, .. settings])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment[variable.Name] = variable.Value;
        using var process = Process.Start(start) ?? throw new InvalidOperationException();
        try
        {
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
            return (process.ExitCode, await errors + await output);
        }
        finally
        {
            process.Kill();
        }
    }
}
