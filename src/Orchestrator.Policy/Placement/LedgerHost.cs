namespace Orchestrator.Policy.Placement;

/// <summary>A host in the ledger: its facts and the running sums of what is taken.</summary>
internal sealed class LedgerHost
{
    private readonly Dictionary<int, int> _alike = [];
    private readonly string?[] _holders;

    public LedgerHost(int index, FleetHost facts)
    {
        Index = index;
        Facts = facts;
        Cordoned = facts.Cordoned;
        CordonReason = facts.CordonReason;
        MemoryFree = facts.MemoryAllocatable;
        _holders = [.. facts.Devices.Select(device => device.GuestId.Length == 0 ? null : device.GuestId)];
    }

    public int Index { get; }

    public FleetHost Facts { get; }

    public bool Cordoned { get; set; }

    public string CordonReason { get; set; }

    public int Guests { get; private set; }

    public DataSize MemoryGuests { get; private set; }

    public DataSize MemoryReserved { get; private set; }

    public DataSize MemoryFree { get; private set; }

    public int VcpusGuests { get; private set; }

    public int VcpusReserved { get; private set; }

    public int VcpusFree => Facts.VcpusAllocatable - VcpusGuests - VcpusReserved;

    public int MovesOut { get; set; }

    public int MovesIn { get; private set; }

    public HostLoad Load => new(
        Guests, MemoryGuests, MemoryReserved, MemoryFree, VcpusGuests, VcpusReserved, VcpusFree, MovesOut, MovesIn);

    public int Alike(int likeness) => _alike.GetValueOrDefault(likeness);

    /// <param name="sign">1 comes, -1 goes.</param>
    public void Hold(LedgerGuest guest, int sign)
    {
        Guests += sign;
        MemoryGuests = Add(MemoryGuests, guest, sign);
        VcpusGuests += sign * guest.Facts.Vcpus;
        Account(guest, sign);
    }

    /// <param name="sign">1 comes, -1 goes.</param>
    public void Reserve(LedgerGuest guest, int sign)
    {
        MovesIn += sign;
        MemoryReserved = Add(MemoryReserved, guest, sign);
        VcpusReserved += sign * guest.Facts.Vcpus;
        Account(guest, sign);
    }

    /// <summary>Takes the devices a guest needs, as far as they are there; those it holds already count.</summary>
    public void TakeDevices(FleetGuest guest)
    {
        foreach (var index in DeviceMatch.Find(this, guest).Taken)
        {
            _holders[index] = guest.GuestId;
        }
    }

    public void FreeDevices(string guestId)
    {
        for (var index = 0; index < _holders.Length; index++)
        {
            if (_holders[index] == guestId)
            {
                _holders[index] = null;
            }
        }
    }

    /// <summary>It is free, or the guest has it.</summary>
    public bool IsDeviceFor(int device, string guestId) => _holders[device] is null || IsDeviceOf(device, guestId);

    public bool IsDeviceOf(int device, string guestId) => _holders[device] == guestId;

    private static DataSize Add(DataSize sum, LedgerGuest guest, int sign) =>
        sign > 0 ? sum + guest.Facts.Memory : sum - guest.Facts.Memory;

    private void Account(LedgerGuest guest, int sign)
    {
        MemoryFree = Facts.MemoryAllocatable - MemoryGuests - MemoryReserved;
        if (guest.Likeness != LedgerGuest.Nothing)
        {
            _alike[guest.Likeness] = _alike.GetValueOrDefault(guest.Likeness) + sign;
        }
    }
}
