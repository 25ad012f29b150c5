using Grpc.Core;
using Npgsql;
using Orchestrator.LocalFleet.Processes;

namespace Orchestrator.Bench.Measuring;

/// <summary>A measurement of the running product, in a folder of its own that is kept when nothing came of it.</summary>
internal static class LiveRun
{
    /// <param name="measure">Is given the folder and where to say how it goes; shows the result.</param>
    /// <returns>The exit code: 0 when it measured, 1 when it could not, 130 when it was interrupted.</returns>
    public static async Task<int> RunAsync(Func<string, Action<string>, Task> measure, CancellationToken cancellation)
    {
        using var folder = new FleetFolder("bench");
        folder.Keep = true;
        try
        {
            await measure(folder.Path, Say);
            folder.Keep = false;
            return 0;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            folder.Keep = false;
            Say("interrupted; everything that was started has been stopped");
            return 130;
        }
        catch (Exception failure) when (failure is FleetException or RpcException or NpgsqlException or IOException)
        {
            Say($"nothing was measured: {failure.Message}");
            Say($"logs are kept in {folder.Path}");
            return 1;
        }
    }

    // Beside the result, so that the result alone can be piped on.
    public static void Say(string line) => Console.Error.WriteLine($"bench: {line}");
}
