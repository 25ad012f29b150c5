using System.Runtime.InteropServices;

namespace Orchestrator.HostAgent.Guests;

// pidfd_open(2), pidfd_send_signal(2): Linux 5.3 and 5.1. The numbers are the same on every architecture (asm-generic/unistd.h), and
// glibc has wrappers only since 2.36, hence syscall(2).
internal static partial class Interop
{
    internal const int SIGKILL = 9;

    private const nint SYS_pidfd_send_signal = 424;
    private const nint SYS_pidfd_open = 434;

    /// <returns>-1 and errno ESRCH when there is no such process.</returns>
    internal static int PidfdOpen(int pid) => (int)Syscall(SYS_pidfd_open, pid, 0, 0, 0);

    internal static int PidfdSendSignal(int pidfd, int signal) => (int)Syscall(SYS_pidfd_send_signal, pidfd, signal, 0, 0);

    // Variadic in C; fixed register arguments travel the same way on the glibc targets we ship (linux-x64, linux-arm64).
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Syscall(nint number, nint first, nint second, nint third, nint fourth);
}
