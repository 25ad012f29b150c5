using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using Orchestrator.Cli.Invocation;
using Orchestrator.Cli.Quantities;
using Orchestrator.Cli.Refusals;
using Orchestrator.Cli.Rendering;
using Orchestrator.Cli.Specs;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Guests;

/// <summary>migctl guests define: the machine from flags or from a file.</summary>
internal sealed class DefineCommand
{
    private readonly Argument<string> _id = new("GUEST")
    {
        Description = "Id of the guest: 1 to 63 of a-z, 0-9, '-' and '.', starting and ending with a letter or digit.",
    };

    private readonly Option<string> _file = new("--file", "-f")
    {
        Description = "YAML or JSON with the whole machine, instead of the flags; - reads standard input. Disks, networks, kernels and "
            + "VFIO devices are given there. With the sections spec, labels, placement and notice it says where the guest may run and "
            + "who is told, too.",
        HelpName = "path",
    };

    private readonly Option<ulong?> _memory = QuantityOption.Size(
        "--memory", "Guest memory: a multiple of 1 MiB, 16 MiB to 16 TiB. Required without -f.");

    private readonly Option<uint?> _vcpus = QuantityOption.Count("--vcpus", "1 to 1024. Default: 1.");
    private readonly Option<string> _machine = new("--machine") { Description = "QEMU machine type. Default: q35.", HelpName = "type" };
    private readonly Option<string> _cpuModel = new("--cpu-model")
    {
        Description = "QEMU CPU model with flags. Default: qemu64.",
        HelpName = "model",
    };

    private readonly Option<string> _accelerator = new Option<string>("--accelerator")
    {
        Description = "tcg works everywhere; kvm only where a guest has answered on it. Default: tcg.",
        HelpName = "name",
    }.AcceptOnlyFromAmong([.. EnumText.All<Accelerator>()]);

    private readonly Option<bool> _bootGuest = new("--boot-guest")
    {
        Description = "Boot the test guest that comes with the product: it dirties memory at a set pace and checks every page.",
    };

    private readonly Option<ulong?> _workingSet = QuantityOption.Size(
        "--working-set", "Memory that the boot guest rewrites: 1 MiB up to memory less 8 MiB. Default: a quarter of the memory.");

    private readonly Option<ulong?> _dirtyRate = QuantityOption.Rate(
        "--dirty-rate", "How fast the boot guest rewrites it. 0 = as fast as it can. Default: 0.");

    private readonly Option<ulong?> _fill = QuantityOption.Size(
        "--fill", "Memory the boot guest fills once with incompressible content. Default: 0.");

    private readonly Option<uint?> _heartbeats = QuantityOption.Count(
        "--heartbeats", "Lines per second that the boot guest counts on its serial port: 1 to 1000. Default: 100.");

    private readonly Option<bool> _cpuBound = new("--cpu-bound")
    {
        Description = "The boot guest's pace is what one vCPU reaches, so throttling lowers it. Default: a timed pace.",
    };

    private readonly TermsOptions _terms = new();

    public static Command Create(CommandRunner runner)
    {
        var define = new DefineCommand();
        var command = new Verb(
            "define",
            "Writes a guest down; starts nothing. Repeating it is harmless.",
            "guests define web-1 --memory 512MiB --vcpus 2 --boot-guest --working-set 64MiB --dirty-rate 20MiB/s",
            "guests define web-2 --memory 1GiB --boot-guest --label app=web --host-selector \"rack in (r1,r2)\" --anti-affinity app=web",
            "guests define db-1 -f machine.yaml --notice-lead 10m --notice-ack --notice-webhook https://owner.example/moves",
            "guests define db-2 -f guest.yaml")
        {
            define._id, define._file, define._memory, define._vcpus, define._machine, define._cpuModel, define._accelerator,
            define._bootGuest, define._workingSet, define._dirtyRate, define._fill, define._heartbeats, define._cpuBound,
        };
        foreach (var option in define._terms.All)
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            var flags = define.Flags().Where(option => result.GetResult(option) is not null).Select(option => option.Name).ToList();
            var boot = define.BootFlags().Where(option => result.GetResult(option) is not null).Select(option => option.Name).ToList();
            if (result.GetResult(define._file) is not null && flags.Count > 0)
            {
                result.AddError($"-f gives the whole machine; leave {string.Join(", ", flags)} out.");
            }
            else if (result.GetResult(define._file) is null && result.GetResult(define._memory) is null)
            {
                result.AddError("Give the machine: --memory, or a file with -f.");
            }
            else if (boot.Count > 0 && result.GetResult(define._bootGuest) is null)
            {
                result.AddError($"{string.Join(", ", boot)}: only with --boot-guest.");
            }
        });
        runner.Bind(command, define.RunAsync);
        return command;
    }

    private IEnumerable<Option> BootFlags() => [_workingSet, _dirtyRate, _fill, _heartbeats, _cpuBound];

    private IEnumerable<Option> Flags() => [_memory, _vcpus, _machine, _cpuModel, _accelerator, _bootGuest, .. BootFlags()];

    private async Task<ExitCode> RunAsync(ParseResult parse, Session session)
    {
        if (!TryRequest(parse, session, out var request, out var complaint))
        {
            return session.Complain(complaint);
        }

        var answer = await session.Connection.Guests.DefineGuestAsync(request, session.Connection.Call(session.Cancellation));
        return session.Answer(
            answer,
            $"Guest {answer.Guest.GuestId} is defined. Start it with: {session.Invite($"guests start {answer.Guest.GuestId} HOST")}");
    }

    private bool TryRequest(
        ParseResult parse,
        Session session,
        [NotNullWhen(true)] out DefineGuestRequest? request,
        [NotNullWhen(false)] out Complaint? complaint)
    {
        var id = parse.GetRequiredValue(_id);
        if (parse.GetValue(_file) is not { } path)
        {
            complaint = null;
            request = new DefineGuestRequest { GuestId = id, Spec = Spec(parse) };
            _terms.Apply(parse, request);
            return true;
        }

        request = null;
        if (!SpecFile.TryRead(session.Terminal, path, out var node, out complaint))
        {
            return false;
        }

        // A file is a machine, or a whole guest in sections.
        if (node is not SpecNode.Mapping whole || whole.Entries.All(entry => entry.Key != "spec"))
        {
            if (!SpecFile.TryMap<MachineSpec>(path, node, out var spec, out complaint))
            {
                return false;
            }

            request = new DefineGuestRequest { GuestId = id, Spec = spec };
            _terms.Apply(parse, request);
            return true;
        }

        if (_terms.All.FirstOrDefault(option => parse.GetResult(option) is { Implicit: false }) is { } doubled)
        {
            complaint = Complaint.Usage($"{path} gives the whole guest; leave {doubled.Name} out.");
            return false;
        }

        if (!SpecFile.TryMap<DefineGuestRequest>(path, node, out var sections, out complaint))
        {
            return false;
        }

        if (sections.GuestId.Length > 0 && sections.GuestId != id)
        {
            complaint = Complaint.Usage($"{path} is of guest {sections.GuestId}, not of {id}; leave guest_id out or give the same.");
            return false;
        }

        sections.GuestId = id;
        request = sections;
        return true;
    }

    private MachineSpec Spec(ParseResult parse)
    {
        var spec = new MachineSpec
        {
            MemoryBytes = parse.GetValue(_memory) ?? 0,
            Vcpus = parse.GetValue(_vcpus) ?? 0,
            MachineType = parse.GetValue(_machine) ?? "",
            CpuModel = parse.GetValue(_cpuModel) ?? "",
            Accelerator = EnumText.Find<Accelerator>(parse.GetValue(_accelerator) ?? "tcg") ?? default,
        };
        if (parse.GetValue(_bootGuest))
        {
            spec.BootGuest = new BootGuest
            {
                WorkingSetBytes = parse.GetValue(_workingSet) ?? spec.MemoryBytes / 4,
                DirtyBytesPerSecond = parse.GetValue(_dirtyRate) ?? 0,
                FillBytes = parse.GetValue(_fill) ?? 0,
                HeartbeatsPerSecond = parse.GetValue(_heartbeats) ?? 0,
                CpuBound = parse.GetValue(_cpuBound),
            };
        }

        return spec;
    }
}
