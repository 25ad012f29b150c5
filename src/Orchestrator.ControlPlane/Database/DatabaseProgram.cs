using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Database;

/// <summary>
/// `database`: the private server alone, for several replicas on one machine. Whichever of them ends, it goes on; it ends with this process.
/// Settings as of the control plane: Database:DataFolder.
/// </summary>
internal static class DatabaseProgram
{
    public const string Command = "database";

    /// <summary>Begins the line on standard output that says that the server is up, and how to reach it.</summary>
    public const string ReadyPrefix = "Database:ConnectionString=";

    public static async Task RunAsync(string[] args)
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddEnvironmentVariables("ORCHESTRATOR_").AddCommandLine(args);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(60));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddOptions<DatabaseOptions>().BindConfiguration(DatabaseOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<DatabaseOptions>, DatabaseOptionsValidator>();
        builder.Services.AddSingleton<EmbeddedPostgres>();
        builder.Services.AddHostedService<Server>();
        using var host = builder.Build();
        await host.RunAsync();
    }

    private sealed class Server(EmbeddedPostgres postgres, IOptions<DatabaseOptions> options) : IHostedService
    {
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            await postgres.StartAsync(cancellationToken);
            var connection = EmbeddedPostgres.ConnectionString(EmbeddedPostgresFolders.In(options.Value.DataFolderOrDefault));
            await Console.Out.WriteLineAsync($"{ReadyPrefix}{connection}");
        }

        public Task StopAsync(CancellationToken cancellationToken) => postgres.StopAsync();
    }
}
