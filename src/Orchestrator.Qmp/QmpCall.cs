using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Qmp;

/// <summary>One command on its way: waiting to be sent, sent, or taken back before it was.</summary>
internal sealed class QmpCall(string id, string command, bool outOfBand)
{
    private const int Waiting = 0;
    private const int Sent = 1;
    private const int Withdrawn = 2;

    // Holds the answer, an error included, as a value: nobody may be left to observe an exception.
    private readonly TaskCompletionSource<Answer> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _state = Waiting;

    public string Id => id;

    public string Command => command;

    public bool OutOfBand => outOfBand;

    public required ReadOnlyMemory<byte> Line { get; init; }

    public Task<Answer> Answered => _answer.Task;

    public static QmpCall Create(string id, string command, bool outOfBand, JsonObject? arguments)
    {
        var line = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(line))
        {
            writer.WriteStartObject();
            writer.WriteString(outOfBand ? "exec-oob"u8 : "execute"u8, command);
            if (arguments is not null)
            {
                writer.WritePropertyName("arguments"u8);
                arguments.WriteTo(writer);
            }

            writer.WriteString("id"u8, id);
            writer.WriteEndObject();
        }

        line.Write("\n"u8);
        return new QmpCall(id, command, outOfBand) { Line = line.WrittenMemory };
    }

    /// <returns>False when the caller took it back: it must not be sent.</returns>
    public bool TryMarkSent() => Interlocked.CompareExchange(ref _state, Sent, Waiting) == Waiting;

    /// <returns>False when it was sent: a reply will come and must still be matched.</returns>
    public bool TryWithdraw() => Interlocked.CompareExchange(ref _state, Withdrawn, Waiting) == Waiting;

    public void Succeed(JsonElement reply) => _answer.TrySetResult(new Answer.Success(reply));

    public void Fail(string errorClass, string description) =>
        _answer.TrySetResult(new Answer.Failure(errorClass, description));

    public void Lose() => _answer.TrySetResult(new Answer.Lost());

    public abstract record Answer
    {
        private Answer()
        {
        }

        public sealed record Success(JsonElement Reply) : Answer;

        public sealed record Failure(string ErrorClass, string Description) : Answer;

        public sealed record Lost : Answer;
    }
}
