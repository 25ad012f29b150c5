namespace Orchestrator.Bench.Evacuation;

/// <summary>What concurrent streams get of the links: as long as none is full all get more, then the others go on (max-min fairness).</summary>
internal static class FairShares
{
    public static void Set(IReadOnlyList<SimulatedTransfer> transfers, IReadOnlyDictionary<string, SimulatedHost> hosts)
    {
        Dictionary<string, (double Left, int Streams)> links = new(StringComparer.Ordinal);
        foreach (var transfer in transfers)
        {
            transfer.Rate = 0;
            Join(Up(transfer), hosts[transfer.Guest.Host].Up);
            Join(Down(transfer), hosts[transfer.Target].Down);
        }

        var open = transfers.ToList();
        while (open.Count > 0)
        {
            var level = open.Min(Room);
            var full = open.Where(transfer => Room(transfer) <= level * (1 + 1e-9)).ToHashSet();
            foreach (var transfer in open)
            {
                transfer.Rate += level;
                Take(Up(transfer), level);
                Take(Down(transfer), level);
            }

            foreach (var transfer in full)
            {
                Leave(Up(transfer));
                Leave(Down(transfer));
            }

            open.RemoveAll(full.Contains);
        }

        double Room(SimulatedTransfer transfer)
        {
            var (up, down) = (links[Up(transfer)], links[Down(transfer)]);
            return Math.Max(0, Math.Min(transfer.Cap - transfer.Rate, Math.Min(up.Left / up.Streams, down.Left / down.Streams)));
        }

        void Join(string link, double speed) => links[link] = (speed, links.GetValueOrDefault(link).Streams + 1);
        void Take(string link, double rate) => links[link] = (links[link].Left - rate, links[link].Streams);
        void Leave(string link) => links[link] = (links[link].Left, links[link].Streams - 1);
    }

    private static string Up(SimulatedTransfer transfer) => $"{transfer.Guest.Host} up";

    private static string Down(SimulatedTransfer transfer) => $"{transfer.Target} down";
}
