using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>Parses, asks, answers. What falls due is <see cref="ScheduleRunner"/>'s.</summary>
internal sealed class ScheduleGrpcService(
    ScheduleStore schedules, FiringStore firings, ScheduledWork work, ScheduleTriggers triggers, TimeProvider clock)
    : ScheduleService.ScheduleServiceBase
{
    private const int MaxCreatedByCharacters = 500;
    private const int UsualPage = 100;
    private const int LongestPage = 1000;

    public override async Task<CreateScheduleResponse> CreateSchedule(CreateScheduleRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var name = violations.Name("name", request.Name);
        var createdBy = violations.Text("created_by", request.CreatedBy, MaxCreatedByCharacters);
        var asked = request.Spec ?? new ScheduleSpec();
        var terms = ScheduleSpecParser.Parse(asked, violations, "spec");
        work.Check(asked, violations, "spec");

        // Without what its messages do not define: as it will be read again.
        var spec = ProtoJson.Read<ScheduleSpec>(ProtoJson.Write(asked));
        if (!violations.Any && await schedules.FindAsync(name, context.CancellationToken) is { } present)
        {
            return Created(name, spec, present);
        }

        var now = clock.GetUtcNow();
        var next = terms.NextAfter(now);
        if (next is null && terms.At is not null)
        {
            violations.Add("spec.at", FormattableString.Invariant($"must lie ahead; it is {now:u} now"));
        }
        else if (next is null && terms.Cron is not null)
        {
            violations.Add("spec.cron", "never comes again");
        }

        Refuse(violations);
        var schedule = new StoredSchedule(name, spec, Paused: false, now, createdBy, next, Revision: 1);
        if (await schedules.CreateAsync(schedule, context.CancellationToken))
        {
            await triggers.HangAsync(schedule, context.CancellationToken);
        }

        return Created(name, spec, await FindAsync(name, context.CancellationToken));
    }

    public override async Task<GetScheduleResponse> GetSchedule(GetScheduleRequest request, ServerCallContext context) =>
        new() { Schedule = ToMessage(await FindAsync(request.Name, context.CancellationToken)) };

    public override async Task<ListSchedulesResponse> ListSchedules(ListSchedulesRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        var size = violations.PageSize("page_size", request.PageSize, UsualPage, LongestPage);
        var after = PageToken.Read(violations, "page_token", request.PageToken);
        Refuse(violations);

        // One more than asked for tells whether there is another page.
        var found = await schedules.ListAsync(after, size + 1, context.CancellationToken);
        return new ListSchedulesResponse
        {
            Schedules = { found.Take(size).Select(ToMessage) },
            NextPageToken = found.Count > size ? PageToken.For(found[size - 1].Name) : "",
        };
    }

    public override async Task<PauseScheduleResponse> PauseSchedule(PauseScheduleRequest request, ServerCallContext context) =>
        new() { Schedule = ToMessage(await SetPausedAsync(request.Name, true, context.CancellationToken)) };

    public override async Task<ResumeScheduleResponse> ResumeSchedule(ResumeScheduleRequest request, ServerCallContext context) =>
        new() { Schedule = ToMessage(await SetPausedAsync(request.Name, false, context.CancellationToken)) };

    public override async Task<DeleteScheduleResponse> DeleteSchedule(DeleteScheduleRequest request, ServerCallContext context)
    {
        var name = ReadName(request.Name);
        if (!await schedules.DeleteAsync(name, context.CancellationToken))
        {
            throw ScheduleErrors.Unknown(name);
        }

        await triggers.TakeDownAsync(name, context.CancellationToken);
        return new DeleteScheduleResponse();
    }

    public override async Task<ListFiringsResponse> ListFirings(ListFiringsRequest request, ServerCallContext context)
    {
        var violations = new Violations();
        violations.Name("name", request.Name);
        var size = violations.PageSize("page_size", request.PageSize, UsualPage, LongestPage);
        var token = PageToken.Read(violations, "page_token", request.PageToken);
        DateTimeOffset? before = null;
        if (token.Length > 0)
        {
            if (DateTimeOffset.TryParseExact(token, "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out var due))
            {
                before = due;
            }
            else
            {
                violations.Add("page_token", "is no token of an earlier page");
            }
        }

        Refuse(violations);
        await FindAsync(request.Name, context.CancellationToken);
        var found = await firings.ListAsync(request.Name, before, size + 1, context.CancellationToken);
        return new ListFiringsResponse
        {
            Firings = { found.Take(size).Select(ToMessage) },
            NextPageToken = found.Count > size ? PageToken.For(found[size - 1].DueAt.ToString("O", CultureInfo.InvariantCulture)) : "",
        };
    }

    private async Task<StoredSchedule> SetPausedAsync(string name, bool paused, CancellationToken cancellation)
    {
        while (true)
        {
            var read = await FindAsync(name, cancellation);
            if (read.Paused == paused)
            {
                return read;
            }

            // What a cron would have fired for in the pause is not missed, it was not wanted. A single time is: it will be noted as missed.
            var terms = ScheduleSpecParser.ParseStored(read.Spec);
            var next = !paused && terms.Cron is not null ? terms.NextAfter(clock.GetUtcNow()) : read.NextDueAt;
            if (!await schedules.SetPausedAsync(read, paused, next, cancellation))
            {
                continue;
            }

            var written = read with { Paused = paused, NextDueAt = next, Revision = read.Revision + 1 };
            await (paused ? triggers.TakeDownAsync(name, cancellation) : triggers.HangAsync(written, cancellation));
            return written;
        }
    }

    private async Task<StoredSchedule> FindAsync(string name, CancellationToken cancellation) =>
        await schedules.FindAsync(ReadName(name), cancellation) ?? throw ScheduleErrors.Unknown(name);

    private static CreateScheduleResponse Created(string name, ScheduleSpec spec, StoredSchedule present) =>
        spec.Equals(present.Spec) ? new CreateScheduleResponse { Schedule = ToMessage(present) } : throw ScheduleErrors.Exists(name);

    private static string ReadName(string name)
    {
        var violations = new Violations();
        violations.Name("name", name);
        Refuse(violations);
        return name;
    }

    private static void Refuse(Violations violations)
    {
        if (violations.Any)
        {
            throw Refusal.InvalidRequest(violations);
        }
    }

    private static Schedule ToMessage(StoredSchedule schedule) => new()
    {
        Name = schedule.Name,
        Spec = schedule.Spec,
        Paused = schedule.Paused,
        CreatedAt = schedule.CreatedAt.ToTimestamp(),
        CreatedBy = schedule.CreatedBy,
        NextFiringAt = schedule.Paused
            ? null
            : ScheduleSpecParser.ParseStored(schedule.Spec).FirstOutsideBlackouts(schedule.NextDueAt)?.ToTimestamp(),
        LastFiring = schedule.LastFiring is { } last ? ToMessage(last) : null,
    };

    private static Firing ToMessage(StoredFiring firing) => new()
    {
        DueAt = firing.DueAt.ToTimestamp(),
        FiredAt = firing.FiredAt.ToTimestamp(),
        Outcome = firing.Outcome,
        Message = firing.Message,
        EvacuationId = firing.EvacuationId?.ToString() ?? "",
        MigrationId = firing.MigrationId?.ToString() ?? "",
    };
}
