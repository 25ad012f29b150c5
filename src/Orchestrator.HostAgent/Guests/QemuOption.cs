using System.Text;

namespace Orchestrator.HostAgent.Guests;

/// <summary>
/// One value of a QEMU command line option: "head,key=value,...". A comma inside a value is doubled, which is all the quoting that QEMU's
/// option parser has (QEMU util/qemu-option.c, util/keyval.c); everything else is taken as it is, since no shell is involved.
/// </summary>
internal sealed class QemuOption
{
    private readonly StringBuilder _text;

    private QemuOption(string head) => _text = new StringBuilder(Quote(head));

    /// <param name="head">The implied first value, e.g. the device's name.</param>
    public static QemuOption Of(string head) => new(head);

    public QemuOption With(string key, string value)
    {
        _text.Append(',').Append(key).Append('=').Append(Quote(value));
        return this;
    }

    public QemuOption With(string key, bool value) => With(key, value ? "on" : "off");

    public override string ToString() => _text.ToString();

    private static string Quote(string value) => value.Replace(",", ",,", StringComparison.Ordinal);
}
