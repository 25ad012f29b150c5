namespace Orchestrator.Policy.Placement;

/// <summary>
/// A set of hosts by their place in the ledger's order: one bit each, so that what holds for a kind of guest is looked up, not found out.
/// </summary>
internal sealed class HostSet(int hosts)
{
    private const int Bits = 64;
    private readonly ulong[] _words = new ulong[(hosts + Bits - 1) / Bits];

    public bool this[int host]
    {
        get => (_words[host / Bits] & (1UL << (host % Bits))) != 0;
        set
        {
            if (value)
            {
                _words[host / Bits] |= 1UL << (host % Bits);
            }
            else
            {
                _words[host / Bits] &= ~(1UL << (host % Bits));
            }
        }
    }

    public static HostSet Where(IReadOnlyList<LedgerHost> hosts, Predicate<LedgerHost> holds)
    {
        var set = new HostSet(hosts.Count);
        foreach (var host in hosts)
        {
            set[host.Index] = holds(host);
        }

        return set;
    }
}
