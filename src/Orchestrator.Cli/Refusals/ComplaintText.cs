using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Specs;

namespace Orchestrator.Cli.Refusals;

/// <summary>A complaint for a person's eyes, and for a program's.</summary>
internal static class ComplaintText
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string Plain(Complaint complaint)
    {
        var text = new StringBuilder("migctl: ").AppendLine(complaint.Message);
        if (complaint.Reason is { } reason)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  reason: {reason}");
        }

        foreach (var (name, value) in complaint.Facts)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {name}: {value}");
        }

        foreach (var fault in complaint.Faults)
        {
            text.AppendLine("  " + Fault(fault));
        }

        if (complaint.RetryAfter is { } delay)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  try again after: {QuantityText.Duration(delay.ToDuration())}");
        }

        if (complaint.Next is { } next)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  next: {next}");
        }

        return text.ToString();
    }

    public static string Json(Complaint complaint)
    {
        var error = new JsonObject { ["message"] = complaint.Message };
        if (complaint.Status is { } status)
        {
            error["status"] = status;
        }

        if (complaint.Reason is { } reason)
        {
            error["reason"] = reason;
        }

        if (complaint.Facts.Count > 0)
        {
            error["metadata"] = new JsonObject(
                complaint.Facts.Select(fact => KeyValuePair.Create(fact.Key, (JsonNode?)JsonValue.Create(fact.Value))));
        }

        if (complaint.Faults.Count > 0)
        {
            error["fieldViolations"] = new JsonArray([.. complaint.Faults.Select(JsonFault)]);
        }

        if (complaint.RetryAfter is { } delay)
        {
            error["retryDelay"] = string.Create(CultureInfo.InvariantCulture, $"{delay.TotalSeconds:0.###}s");
        }

        if (complaint.Next is { } next)
        {
            error["next"] = next;
        }

        error["exitCode"] = (int)complaint.Exit;
        return new JsonObject { ["error"] = error }.ToJsonString(s_json);
    }

    private static string Fault(FieldFault fault) =>
        (fault.Field.Length == 0 ? "" : fault.Field + ": ") + fault.Description
        + (fault.Line is { } line ? string.Create(CultureInfo.InvariantCulture, $" (line {line})") : "");

    private static JsonObject JsonFault(FieldFault fault)
    {
        var json = new JsonObject { ["field"] = fault.Field, ["description"] = fault.Description };
        if (fault.Line is { } line)
        {
            json["line"] = line;
        }

        return json;
    }
}
