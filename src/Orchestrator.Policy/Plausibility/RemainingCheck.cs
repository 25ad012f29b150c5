using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Plausibility;

/// <summary>
/// The system-wide remaining amount. RAM's part of it may legally jump by all of RAM at any sync, so what is watched is what lies above
/// RAM: the devices' share.
/// </summary>
internal static class RemainingCheck
{
    private const string Field = "remaining_bytes";

    // A guest with more unreadable devices than this is beyond help by arithmetic.
    private const ulong MostUnknownDevices = 8;

    public static ulong? Check(
        ReportedNumbers reported, ulong ramTotal, ulong? ramRemaining, TimeSpan sinceLast, Judgement judgement)
    {
        if (judgement.Bounded(Field, reported.Remaining, long.MaxValue, "is 2^63 or more: a small negative number that wrapped") is not { } value)
        {
            return null;
        }

        if (value > PlausibilityCheck.Saturating(ramTotal, MostOnDevices(judgement.Memory)))
        {
            judgement.Suspect(Field, value, "is more than RAM and devices can hold");
            return null;
        }

        if (value == 0 && ramRemaining > 0 && reported.Activity == EngineActivity.PreCopy)
        {
            judgement.Suspect(Field, value, "is 0 while RAM remains: the engine has not counted yet");
            return null;
        }

        if (ramRemaining is not { } ram)
        {
            return value;
        }

        var share = value > ram ? value - ram : 0;
        for (ulong devices = 1; devices <= MostUnknownDevices; devices++)
        {
            if (Apart(share, devices * PlausibleBounds.UnknownDeviceBytes) <= PlausibleBounds.JumpSlackBytes / 16)
            {
                judgement.Suspect(Field, value, "is RAM and 100 GiB a device, which QEMU says for a size it could not read");
                return null;
            }
        }

        if (judgement.Memory is { Remaining: { } last, RamRemaining: { } lastRam })
        {
            var lastShare = last > lastRam ? last - lastRam : 0;
            var allowed = PlausibilityCheck.Saturating(lastShare * 4, PlausibilityCheck.MostMoved(sinceLast));
            if (share > PlausibilityCheck.Saturating(lastShare, allowed))
            {
                return judgement.Jump(Field, value, "has devices' state appear faster than any link or device explains");
            }
        }

        return value;
    }

    /// <summary>The most that devices may have to send: four times what they last said and some, or a stated amount when none spoke.</summary>
    public static ulong MostOnDevices(PlausibilityMemory memory)
    {
        if (memory.Devices.Count == 0)
        {
            return PlausibleBounds.UnheardDevicesBytes;
        }

        var said = memory.Devices.Values.Aggregate(
            0UL, (sum, device) => PlausibilityCheck.Saturating(sum, PlausibilityCheck.Saturating(device.Precopy, device.StopCopy)));
        return PlausibilityCheck.Saturating(
            said > ulong.MaxValue / 4 ? ulong.MaxValue : said * 4, PlausibleBounds.DeviceSlackBytes);
    }

    private static ulong Apart(ulong left, ulong right) => left > right ? left - right : right - left;
}
