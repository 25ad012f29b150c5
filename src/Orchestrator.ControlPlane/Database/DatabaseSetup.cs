using Grpc.AspNetCore.Server;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Orchestrator.ControlPlane.Database;

internal static class DatabaseSetup
{
    public static WebApplicationBuilder AddDatabase(this WebApplicationBuilder builder)
    {
        IntervalParameters.Register();
        builder.Services.AddOptions<DatabaseOptions>().BindConfiguration(DatabaseOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<DatabaseOptions>, DatabaseOptionsValidator>();
        builder.Services.AddSingleton<EmbeddedPostgres>();
        builder.Services.AddSingleton(services => Open(
            services.GetRequiredService<IOptions<DatabaseOptions>>().Value, services.GetRequiredService<ILoggerFactory>()));
        builder.Services.AddSingleton<DatabaseGate>();
        builder.Services.AddSingleton<ScriptRunner>();
        builder.Services.AddHostedService<DatabaseStart>();
        builder.Services.AddHostedService<DatabaseHealth>();
        builder.Services.Configure<GrpcServiceOptions>(grpc => grpc.Interceptors.Add<DatabaseOutageInterceptor>());
        return builder;
    }

    private static NpgsqlDataSource Open(DatabaseOptions options, ILoggerFactory loggers)
    {
        var connection = new NpgsqlConnectionStringBuilder(
            options.ConnectionString.Length > 0
                ? options.ConnectionString
                : EmbeddedPostgres.ConnectionString(EmbeddedPostgresFolders.In(options.DataFolderOrDefault)))
        {
            ApplicationName = "orchestrator",

            // No session is left in another state than it was taken in, and the reset would throw the plans away that are kept below.
            NoResetOnClose = true,
        };
        if (!connection.ShouldSerialize("Max Auto Prepare"))
        {
            // More than there are different statements. Planning the larger ones costs the server more than running them. 0 in the
            // connection string switches it off, for a proxy between us and the server that cannot keep prepared statements.
            connection.MaxAutoPrepare = 100;
        }

        if (!connection.ShouldSerialize("Maximum Pool Size"))
        {
            // A server does not do more at once than it has cores; what comes on top waits here, where waiting costs no memory.
            connection.MaxPoolSize = 24;
        }

        var source = new NpgsqlDataSourceBuilder(connection.ConnectionString);
        source.UseLoggerFactory(loggers);
        return source.Build();
    }
}
