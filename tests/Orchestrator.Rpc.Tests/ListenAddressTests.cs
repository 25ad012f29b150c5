using Orchestrator.Rpc.Serving;

namespace Orchestrator.Rpc.Tests;

public class ListenAddressTests
{
    [Theory]
    [InlineData("http://127.0.0.1:7443", false, true)]
    [InlineData("http://127.0.0.2:0", false, true)]
    [InlineData("http://[::1]:7443", false, true)]
    [InlineData("http://0.0.0.0:7443", false, false)]
    [InlineData("http://0.0.0.0:7443", true, true)]
    [InlineData("http://10.1.2.3:7443", false, false)]
    [InlineData("https://127.0.0.1:7443", false, false)]
    [InlineData("http://localhost:7443", false, false)]
    [InlineData("127.0.0.1:7443", false, false)]
    [InlineData("", false, false)]
    public void Parse_PlaintextStaysOnLoopbackUnlessAllowed(string text, bool allowed, bool sound)
    {
        var address = ListenAddress.Parse(text, allowed, out var problem);
        Assert.Equal(sound, address is not null);
        Assert.Equal(sound, problem is null);
    }
}
