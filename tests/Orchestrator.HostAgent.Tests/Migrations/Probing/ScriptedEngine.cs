using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Orchestrator.HostAgent.Tests.Fleet;
using Orchestrator.Qmp;
using Orchestrator.Qmp.Tests;

namespace Orchestrator.HostAgent.Tests.Migrations.Probing;

/// <summary>
/// The monitor of a QEMU whose guest dirties <see cref="MebibytesPerSecond"/>: measures as QEMU's migration/dirtyrate.c does, by the test's
/// clock, and goes wrong as the test says.
/// </summary>
internal sealed class ScriptedEngine(string version, HorizonClock clock) : IAsyncDisposable
{
    private readonly ConcurrentQueue<(IAsyncDisposable Monitor, Task Serving)> _connections = new();
    private readonly Lock _lock = new();
    private readonly List<Asked> _asked = [];
    private QemuMonitor? _monitor;
    private Measuring? _last;

    public long MebibytesPerSecond { get; set; } = 100;

    /// <summary>What QEMU takes beyond the time it was asked for: before 8.2 it does not tell.</summary>
    public TimeSpan Overshoot { get; set; }

    /// <summary>What hashing the samples takes after the interval.</summary>
    public TimeSpan Hashing { get; set; }

    /// <summary>calc-dirty-rate is refused with this.</summary>
    public string? Refusal { get; set; }

    public bool NeverEnds { get; set; }

    /// <summary>The reply of query-dirty-rate in place of the true one.</summary>
    public string? Nonsense { get; set; }

    /// <summary>The connection is lost in place of the answer to a command of this name, once.</summary>
    public string? BreaksAt { get; set; }

    /// <summary>Every calc-dirty-rate, in order.</summary>
    public IReadOnlyList<Asked> Asked
    {
        get
        {
            lock (_lock)
            {
                return [.. _asked];
            }
        }
    }

    /// <summary>Every command that was read.</summary>
    public int Commands { get; private set; }

    /// <summary>Connects, and again when the connection before was lost.</summary>
    public async Task<QemuMonitor> MonitorAsync(CancellationToken cancellation)
    {
        if (_monitor is { Closed.IsCompleted: false } open)
        {
            return open;
        }

        var (client, peer) = DuplexStream.CreatePair(0);
        var serving = ServeAsync(peer);
        _monitor = await QemuMonitor.OpenAsync(await QmpConnection.OpenAsync(client, TimeProvider.System, cancellation), cancellation);
        _connections.Enqueue((_monitor, serving));
        return _monitor;
    }

    /// <summary>Somebody else asks.</summary>
    public void MeasureForAnother(TimeSpan interval, int samplePages)
    {
        lock (_lock)
        {
            _last = new Measuring(clock.Now, interval, samplePages, interval);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (monitor, serving) in _connections)
        {
            await monitor.DisposeAsync();
            await serving.WaitAsync(TestAgent.Bound);
        }
    }

    private async Task ServeAsync(Stream peer)
    {
        using var reader = new StreamReader(peer);
        await SendAsync(peer, """{"QMP": {"version": {"qemu": {"micro": 0, "minor": 0, "major": 0}, "package": ""}, "capabilities": []}}""");
        while (await reader.ReadLineAsync() is { } line)
        {
            var message = JsonElement.Parse(line);
            var command = message.GetProperty("execute").GetString()!;
            string reply;
            lock (_lock)
            {
                if (command == BreaksAt)
                {
                    BreaksAt = null;
                    break;
                }

                reply = Answer(command, message.TryGetProperty("arguments", out var arguments) ? arguments : default);
            }

            await SendAsync(peer, $$"""{ {{reply}}, "id": {{message.GetProperty("id").GetRawText()}} }""");
        }

        await peer.DisposeAsync();
    }

    private string Answer(string command, JsonElement arguments)
    {
        Commands++;
        return command switch
        {
            "qmp_capabilities" => """ "return": {} """,
            "query-qmp-schema" => $""" "return": {StoredSchema.ReadText(version)} """,
            "calc-dirty-rate" => Calculate(arguments),
            "query-dirty-rate" => $""" "return": {Nonsense ?? Query(arguments)} """,
            _ => """ "error": {"class": "CommandNotFound", "desc": "not part of the script"} """,
        };
    }

    private string Calculate(JsonElement arguments)
    {
        var time = arguments.GetProperty("calc-time").GetInt64();
        var interval = arguments.TryGetProperty("calc-time-unit", out _) ? TimeSpan.FromMilliseconds(time) : TimeSpan.FromSeconds(time);
        var samplePages = arguments.GetProperty("sample-pages").GetInt32();
        var refusal = Refusal ?? (IsMeasuring ? "the dirty rate is already being measured." : null);
        _asked.Add(new Asked(clock.Now, interval, samplePages));
        if (refusal is not null)
        {
            return $$""" "error": {"class": "GenericError", "desc": "{{refusal}}"} """;
        }

        _last = new Measuring(clock.Now, interval, samplePages, interval + Overshoot);
        return """ "return": {} """;
    }

    private bool IsMeasuring => _last is { } last && (NeverEnds || clock.Now < last.At + last.Took + Hashing);

    private string Query(JsonElement arguments)
    {
        var inMilliseconds = arguments.ValueKind == JsonValueKind.Object;
        var status = _last is null ? "unstarted" : IsMeasuring ? "measuring" : "measured";
        var time = (IsMeasuring ? _last?.Interval : _last?.Took) ?? TimeSpan.Zero;
        var rate = status == "measured" ? string.Create(CultureInfo.InvariantCulture, $"\"dirty-rate\": {MebibytesPerSecond}, ") : "";
        var unit = inMilliseconds ? "\"calc-time-unit\": \"millisecond\", " : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"status": "{{status}}", {{rate}}{{unit}}"calc-time": {{(long)(inMilliseconds ? time.TotalMilliseconds : time.TotalSeconds)}}, "sample-pages": {{_last?.SamplePages ?? 0}}}""");
    }

    private static async Task SendAsync(Stream peer, string line) => await peer.WriteAsync(Encoding.UTF8.GetBytes(line.ReplaceLineEndings("") + "\n"));

    private sealed record Measuring(TimeSpan At, TimeSpan Interval, int SamplePages, TimeSpan Took);
}

/// <summary>One calc-dirty-rate.</summary>
internal sealed record Asked(TimeSpan At, TimeSpan Interval, int SamplePages);
