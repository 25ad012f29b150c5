using System.Globalization;

namespace Orchestrator.ControlPlane.Database;

/// <summary>Who runs the private server: we ourselves, or as root somebody without rights, since Postgres refuses to run as root.</summary>
/// <param name="Prefix">What a command line begins with to run as that user; empty = as we are.</param>
internal sealed record ServerUser(int Uid, int Gid, IReadOnlyList<string> Prefix)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);
    private static readonly string[] s_unprivileged = ["postgres", "nobody"];

    /// <param name="cluster">Of an earlier start, whose owner must be the one again; null when there is none.</param>
    public static async Task<ServerUser> FindAsync(string? cluster, CancellationToken cancellation)
    {
        var own = await NumberAsync(["id", "-u"], cancellation);
        (int Uid, int Gid)? owner = cluster is null ? null : await OwnerAsync(cluster, cancellation);
        if (own != 0)
        {
            return owner is null || owner.Value.Uid == own
                ? new ServerUser(own, await NumberAsync(["id", "-g"], cancellation), [])
                : throw new StartRefusedException(
                    $"{cluster} belongs to user {owner.Value.Uid}, and this process is user {own}. Run it as that user or as root, "
                    + "or choose another Database:DataFolder.");
        }

        var (uid, gid) = owner ?? await UnprivilegedAsync(cancellation);
        return uid != 0
            ? new ServerUser(uid, gid, await PrefixAsync(uid, gid, cancellation))
            : throw new StartRefusedException(
                $"{cluster} belongs to root, and Postgres refuses to run as root. Give it to another user: chown -R postgres {cluster}");
    }

    public Task<ProgramRun> RunAsync(IReadOnlyList<string> command, TimeSpan limit, CancellationToken cancellation) =>
        ProgramRun.OfAsync([.. Prefix, .. command], limit, cancellation);

    /// <summary>Makes a folder that only this user (and root) can enter.</summary>
    /// <exception cref="StartRefusedException">It is there and somebody else's, or cannot be made.</exception>
    public async Task MakeFolderAsync(string path, CancellationToken cancellation)
    {
        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path) ?? "/");
            Directory.CreateDirectory(path, OwnerOnly);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException($"The folder {path} cannot be made: {failure.Message}. Choose another Database:DataFolder.", failure);
        }

        // In /tmp somebody else may have been first, and a link there would lead us wherever its owner likes.
        var (uid, _) = await OwnerAsync(path, cancellation);
        if (new DirectoryInfo(path).LinkTarget is not null || (uid != Uid && (Prefix.Count == 0 || uid != 0)))
        {
            throw new StartRefusedException($"The folder {path} belongs to somebody else (user {uid}). Remove it or choose another Database:DataFolder.");
        }

        if (uid != Uid)
        {
            await ProgramRun.OfAsync(["chown", "-h", $"{Uid}:{Gid}", path], s_limit, cancellation);
        }

        File.SetUnixFileMode(path, OwnerOnly);
    }

    /// <exception cref="StartRefusedException">A folder above it is closed to this user; the message names it.</exception>
    public async Task CheckReachableAsync(string path, CancellationToken cancellation)
    {
        if ((await RunAsync(["test", "-w", path], s_limit, cancellation)).Succeeded)
        {
            return;
        }

        foreach (var folder in FromTheRoot(path))
        {
            if (!(await RunAsync(["test", "-x", folder], s_limit, cancellation)).Succeeded)
            {
                throw new StartRefusedException(
                    $"The private database runs as user {Uid}, who cannot enter {folder} on the way to {path}. "
                    + $"Open it (chmod o+x {folder}) or choose another Database:DataFolder.");
            }
        }

        throw new StartRefusedException($"The private database runs as user {Uid}, who cannot write to {path}.");
    }

    private static Stack<string> FromTheRoot(string path)
    {
        var folders = new Stack<string>();
        for (var folder = path; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            folders.Push(folder);
        }

        return folders;
    }

    private static async Task<(int Uid, int Gid)> UnprivilegedAsync(CancellationToken cancellation)
    {
        foreach (var name in s_unprivileged)
        {
            if ((await ProgramRun.OfAsync(["id", "-u", name], s_limit, cancellation)).Succeeded)
            {
                return (await NumberAsync(["id", "-u", name], cancellation), await NumberAsync(["id", "-g", name], cancellation));
            }
        }

        throw new StartRefusedException(
            "Postgres refuses to run as root, and there is neither a user postgres nor a user nobody to run the private database as. "
            + "Add one, run the control plane as another user, or set Database:ConnectionString.");
    }

    private static async Task<IReadOnlyList<string>> PrefixAsync(int uid, int gid, CancellationToken cancellation)
    {
        string[] setpriv = ["setpriv", $"--reuid={uid}", $"--regid={gid}", "--clear-groups", "--"];
        if ((await ProgramRun.OfAsync([.. setpriv, "true"], s_limit, cancellation)).Succeeded)
        {
            return setpriv;
        }

        var name = (await ProgramRun.OfAsync(["id", "-nu", $"{uid}"], s_limit, cancellation)).Output;
        string[] runuser = ["runuser", "-u", name, "--"];
        return (await ProgramRun.OfAsync([.. runuser, "true"], s_limit, cancellation)).Succeeded
            ? runuser
            : throw new StartRefusedException(
                $"Postgres refuses to run as root, and neither setpriv nor runuser (package util-linux) could become user {uid}. "
                + "Run the control plane as another user, or set Database:ConnectionString.");
    }

    private static async Task<(int Uid, int Gid)> OwnerAsync(string path, CancellationToken cancellation)
    {
        var said = await ProgramRun.OfAsync(["stat", "-c", "%u %g", path], s_limit, cancellation);
        return said.Succeeded && said.Output.Split(' ') is [var uid, var gid]
            ? (int.Parse(uid, CultureInfo.InvariantCulture), int.Parse(gid, CultureInfo.InvariantCulture))
            : throw new StartRefusedException($"The owner of {path} cannot be seen: {said.Output}");
    }

    private static async Task<int> NumberAsync(IReadOnlyList<string> command, CancellationToken cancellation)
    {
        var said = await ProgramRun.OfAsync(command, s_limit, cancellation);
        return said.Succeeded && int.TryParse(said.Output, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new StartRefusedException($"{string.Join(' ', command)} failed: {said.Output}");
    }
}
