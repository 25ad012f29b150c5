using Grpc.AspNetCore.Server;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Orchestrator.ControlPlane.Database;

internal static class DatabaseSetup
{
    public static WebApplicationBuilder AddDatabase(this WebApplicationBuilder builder)
    {
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
        };
        var source = new NpgsqlDataSourceBuilder(connection.ConnectionString);
        source.UseLoggerFactory(loggers);
        return source.Build();
    }
}
