using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orchestrator.ControlPlane.Database;
using Orchestrator.TestPostgres;

namespace Orchestrator.ControlPlane.Tests;

internal static class Gate
{
    public static DatabaseGate To(PostgresFixture database) => new(
        database.DataSource, Options.Create(new DatabaseOptions()), TimeProvider.System, NullLogger<DatabaseGate>.Instance);
}
