namespace Orchestrator.BootGuest;

/// <summary>The guest's boot image and the addresses in it that another project may need.</summary>
/// <remarks>
/// A Multiboot 1 kernel: <c>qemu-system-x86_64 -machine q35 -smp 1 -m N -kernel PATH -append "OPTIONS"</c>, console on the first
/// serial port. The target of a migration is started with the same arguments, because the loader's option ROM is part of the
/// machine's state.
/// </remarks>
public static class BootGuestImage
{
    /// <summary>Physical address of page 0 of the working set; the fill follows the working set directly.</summary>
    public const long WorkingSetAddress = 0x20_0000;

    /// <summary>Bytes in a page as the guest counts them.</summary>
    public const int PageSize = 4096;

    /// <summary>The image file, copied beside the assemblies of every project that references this one.</summary>
    public static string Path => System.IO.Path.Combine(AppContext.BaseDirectory, "bootguest.elf");
}
