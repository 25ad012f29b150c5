using System.Buffers.Text;
using System.Text;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane;

/// <summary>
/// Where a list goes on: the key of the last row given, dressed so that no caller builds one. A key and no number of rows, so that what
/// is added or removed meanwhile neither repeats nor hides another row.
/// </summary>
internal static class PageToken
{
    private const int MaxCharacters = 1024;

    public static string For(string lastKey) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(lastKey));

    /// <returns>The key after which the page begins; empty for the first page.</returns>
    public static string Read(Violations violations, string field, string token)
    {
        if (token.Length <= MaxCharacters && Base64Url.IsValid(token))
        {
            try
            {
                return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Base64Url.DecodeFromChars(token));
            }
            catch (DecoderFallbackException)
            {
                // Falls through to the violation.
            }
        }

        violations.Add(field, "is no token of an earlier page");
        return "";
    }
}
