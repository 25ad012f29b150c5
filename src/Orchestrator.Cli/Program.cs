using System.Runtime.InteropServices;
using Orchestrator.Cli.Invocation;

using var interrupted = new CancellationTokenSource();

// The first signal lets the command say its last word; a second one ends the process as usual.
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
return await MigctlCommand.InvokeAsync(args, Terminal.OfProcess(), interrupted.Token);

void Stop(PosixSignalContext signal)
{
    signal.Cancel = !interrupted.IsCancellationRequested;
    interrupted.Cancel();
}
