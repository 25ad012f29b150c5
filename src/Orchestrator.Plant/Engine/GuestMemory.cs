using Orchestrator.Plant.Description;

namespace Orchestrator.Plant.Engine;

/// <summary>
/// The guest's memory as amounts, not pages: of each hot set, how much the engine still has to send and how much the kernel's log has
/// gathered since the last sync. A set that is written at random fills its log as S (1 - exp(-r t / S)), the expected number of
/// different pages among r t / page size touches; one that is swept fills it as r t, up to its size.
/// </summary>
internal sealed class GuestMemory
{
    /// <summary>A page on the wire: 4096 bytes and a header of 8 (migration/ram.c, save_page_header).</summary>
    private const double WirePerByte = 4104.0 / 4096;

    /// <summary>A zero page: the header and one byte.</summary>
    private const double WirePerZeroByte = 9.0 / 4096;

    private readonly Region[] _regions;
    private double _zeroQueued;

    public GuestMemory(GuestDescription guest)
    {
        var zero = guest.Memory * guest.ZeroShare;
        var idle = guest.Memory - zero - guest.HotSets.Sum(set => (double)set.Size);
        _regions = [.. guest.HotSets.Select(set => new Region(set)), new Region(null) { Size = Math.Max(0, idle) }];
        foreach (var region in _regions)
        {
            region.Queued = region.Size;
        }

        _zeroQueued = zero;
    }

    /// <summary>Bytes marked dirty in the engine's bitmap.</summary>
    public double Queued
    {
        get
        {
            var sum = _zeroQueued;
            foreach (var region in _regions)
            {
                sum += region.Queued;
            }

            return sum;
        }
    }

    /// <summary>The guest runs and writes for a while.</summary>
    /// <param name="throttle">Share of their time that its CPUs are made to sleep, 0 to 1.</param>
    public void Write(double from, double seconds, double throttle)
    {
        foreach (var region in _regions)
        {
            region.Write(from, seconds, throttle);
        }
    }

    /// <summary>Sends for at most so long; pages before zero pages.</summary>
    /// <param name="most">On the wire; infinite = no bound.</param>
    /// <returns>How long it took and what went over the wire.</returns>
    public (double Seconds, double Wire, double Processed) Send(double seconds, double lineRate, double scanRate, double most)
    {
        var pages = Queued - _zeroQueued;
        var rate = Math.Min(lineRate / WirePerByte, scanRate);
        var sent = Math.Min(pages, Math.Min(rate * seconds, most / WirePerByte));
        var took = sent > 0 ? sent / rate : 0;
        if (sent > 0)
        {
            var kept = 1 - (sent / pages);
            foreach (var region in _regions)
            {
                region.Queued *= kept;
            }
        }

        var room = Math.Max(0, most - (sent * WirePerByte)) / WirePerZeroByte;
        var zero = Math.Min(_zeroQueued, Math.Min(scanRate * (seconds - took), room));
        _zeroQueued -= zero;
        if (_zeroQueued < 1)
        {
            _zeroQueued = 0;
        }

        if (pages - sent < 1)
        {
            foreach (var region in _regions)
            {
                region.Queued = 0;
            }
        }

        return (took + (zero / scanRate), (sent * WirePerByte) + (zero * WirePerZeroByte), sent + zero);
    }

    /// <summary>Takes over what the kernel's log has gathered.</summary>
    /// <returns>Bytes that were clean in the engine's bitmap and are dirty now.</returns>
    public double Sync()
    {
        var found = 0.0;
        foreach (var region in _regions)
        {
            found += region.Sync();
        }

        return found;
    }

    /// <summary>Begins to count anew what is written, beside the kernel's log.</summary>
    public void BeginProbe()
    {
        foreach (var region in _regions)
        {
            region.Probed = 0;
        }
    }

    /// <summary>Different bytes written since <see cref="BeginProbe"/>.</summary>
    public double Probed
    {
        get
        {
            var sum = 0.0;
            foreach (var region in _regions)
            {
                sum += region.Probed;
            }

            return sum;
        }
    }

    private sealed class Region
    {
        private readonly HotSet? _set;

        // Of the last step: most steps are alike, and exp is what costs here.
        private double _exponent = double.NaN;
        private double _decay = 1;

        public Region(HotSet? set)
        {
            _set = set;
            Size = set?.Size ?? 0;
        }

        public double Size { get; init; }

        public double Queued { get; set; }

        public double Probed { get; set; }

        private double Logged { get; set; }

        public void Write(double from, double seconds, double throttle)
        {
            if (_set is null || Size <= 0)
            {
                return;
            }

            var rate = _set.WriteRate * Math.Min(1, (1 - throttle) / _set.CpuShare);
            foreach (var change in _set.Changes)
            {
                rate *= change.At(from);
            }

            if (_set.Sequential)
            {
                Logged = Math.Min(Size, Logged + (rate * seconds));
                Probed = Math.Min(Size, Probed + (rate * seconds));
                return;
            }

            var exponent = rate * seconds / Size;
            if (exponent != _exponent)
            {
                _exponent = exponent;
                _decay = Math.Exp(-exponent);
            }

            Logged = Size - ((Size - Logged) * _decay);
            Probed = Size - ((Size - Probed) * _decay);
        }

        public double Sync()
        {
            if (Size <= 0 || Logged <= 0)
            {
                return 0;
            }

            // What is queued and what was written since are two independent samples of the set.
            var found = Logged * (1 - (Queued / Size));
            Queued = Math.Min(Size, Queued + found);
            Logged = 0;
            return found;
        }
    }
}
