using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Orchestrator.ControlPlane;

/// <summary>Ids that follow from what they stand for, so that whoever begins the same thing again begins the same thing: UUID version 5 (RFC 9562).</summary>
internal static class NameBasedId
{
    /// <param name="space">Keeps equal names of different kinds apart.</param>
    public static Guid Create(Guid space, string name)
    {
        Span<byte> input = new byte[16 + Encoding.UTF8.GetByteCount(name)];
        space.TryWriteBytes(input, bigEndian: true, out _);
        Encoding.UTF8.GetBytes(name, input[16..]);
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
#pragma warning disable CA5350 // Fixed by the RFC; the hash guards nothing.
        SHA1.HashData(input, hash);
#pragma warning restore CA5350
        BinaryPrimitives.WriteUInt16BigEndian(hash[6..], (ushort)((BinaryPrimitives.ReadUInt16BigEndian(hash[6..]) & 0x0FFF) | 0x5000));
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }
}
