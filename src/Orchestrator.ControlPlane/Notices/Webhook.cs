using System.Text;
using Microsoft.Extensions.Options;

namespace Orchestrator.ControlPlane.Notices;

/// <summary>Posts a notice to where its terms say.</summary>
internal sealed class Webhook(IHttpClientFactory clients, IOptions<NoticeOptions> options, TimeProvider clock)
{
    public const string Client = "notices";

    /// <returns>Null when the receiver took it; else why not.</returns>
    public async Task<string?> PostAsync(StoredNotice notice, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(options.Value.WebhookTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, notice.Terms.WebhookUrl)
            {
                Content = new StringContent(ProtoJson.Write(NoticeRow.ToMessage(notice)), Encoding.UTF8, "application/json"),
            };
            using var answer = await clients.CreateClient(Client).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            return answer.IsSuccessStatusCode ? null
                : (int)answer.StatusCode is >= 300 and < 400 ? $"answered {(int)answer.StatusCode}; a redirect is not followed"
                : $"answered {(int)answer.StatusCode}";
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return FormattableString.Invariant($"did not answer within {options.Value.WebhookTimeout.TotalSeconds} s");
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or UriFormatException or InvalidOperationException)
        {
            return failure.InnerException is { } cause ? $"{failure.Message} ({cause.Message})" : failure.Message;
        }
    }
}
