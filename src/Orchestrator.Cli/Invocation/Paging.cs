using Google.Protobuf;

namespace Orchestrator.Cli.Invocation;

/// <summary>Reads a list page by page into one answer.</summary>
internal static class Paging
{
    private const uint LargestPage = 1000;

    /// <param name="limit">Entries wanted at most; 0 = all.</param>
    /// <param name="page">Asks for one page, by size and token.</param>
    /// <param name="count">Entries of an answer.</param>
    /// <param name="next">Token of the page after it; empty at the end.</param>
    /// <returns>
    /// The pages as one message, since merging appends lists. Its token is empty when everything is there, else that of the page after it.
    /// </returns>
    public static async Task<T> CollectAsync<T>(
        uint limit, Func<uint, string, Task<T>> page, Func<T, int> count, Func<T, string> next)
        where T : class, IMessage<T>, new()
    {
        var token = "";
        T? all = null;
        while (true)
        {
            var left = limit == 0 ? LargestPage : Math.Min(LargestPage, limit - (uint)count(all ?? new T()));
            var answer = await page(left, token);
            var tokenBefore = token;
            token = next(answer);
            all = Join(all, answer);
            if (token.Length == 0 || token == tokenBefore || (limit > 0 && count(all) >= limit))
            {
                return all;
            }
        }
    }

    // Merging keeps the older token when the newer is empty, so it is set by hand.
    private static T Join<T>(T? earlier, T later)
        where T : class, IMessage<T>, new()
    {
        if (earlier is null)
        {
            return later;
        }

        var token = later.Descriptor.FindFieldByName("next_page_token");
        earlier.MergeFrom(later);
        token.Accessor.SetValue(earlier, token.Accessor.GetValue(later));
        return earlier;
    }
}
