using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Orchestrator.TestPostgres;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Tests.Schedules;

/// <summary>A control plane that is stopped and started again on a database of its own.</summary>
internal sealed class ControlPlaneRun(PostgresFixture database, ControlPlaneFixture fleet) : IAsyncDisposable
{
    private WebApplication? _app;
    private GrpcChannel? _channel;

    public static async Task<PostgresFixture> NewDatabaseAsync() => await PostgresFixture.CreateEmptyAsync();

    public async Task<ScheduleService.ScheduleServiceClient> StartAsync()
    {
        _app = await fleet.StartReplicaAsync($"--Database:ConnectionString={database.ConnectionString}");
        _channel = GrpcChannel.ForAddress(
            _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return new ScheduleService.ScheduleServiceClient(_channel);
    }

    public async Task StopAsync()
    {
        _channel?.Dispose();
        if (_app is not null)
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
        }

        _app = null;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await database.DisposeAsync();
    }
}
