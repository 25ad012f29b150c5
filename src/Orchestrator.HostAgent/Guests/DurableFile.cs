using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Orchestrator.HostAgent.Guests;

/// <summary>Small files that are either the old one or the new one, whenever the machine dies.</summary>
internal static class DurableFile
{
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        var temporary = path + ".new";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
        SyncFolder(Path.GetDirectoryName(path) ?? "/");
    }

    /// <summary>Puts what was created, renamed or removed in a folder on the disk.</summary>
    public static void SyncFolder(string path)
    {
        var descriptor = Interop.Open(path, Interop.O_RDONLY | Interop.O_CLOEXEC);
        if (descriptor < 0)
        {
            throw Failure("open", path);
        }

        try
        {
            if (Interop.FSync(descriptor) < 0)
            {
                throw Failure("fsync", path);
            }
        }
        finally
        {
            _ = Interop.Close(descriptor);
        }
    }

    private static IOException Failure(string call, string path)
    {
        var error = new Win32Exception(Marshal.GetLastPInvokeError());
        return new IOException($"{call} of {path}: {error.Message}", error);
    }
}
