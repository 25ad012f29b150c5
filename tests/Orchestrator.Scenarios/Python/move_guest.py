"""A cloud scheduler in another language: registers hosts, starts a migration and watches it to its end.

usage: move_guest.py STUBS SERVER GUEST TARGET HOST=ENDPOINT...
Prints one line a phase and exits 0 only when the guest has moved.
"""
import sys
import uuid

sys.path.insert(0, sys.argv[1])

import grpc  # noqa: E402
from google.protobuf import duration_pb2  # noqa: E402
from google.rpc import error_details_pb2, status_pb2  # noqa: E402
from orchestrator.v1 import hosts_pb2, hosts_pb2_grpc, migrations_pb2, migrations_pb2_grpc  # noqa: E402


def reason_of(error):
    """The ErrorInfo that every refusal carries in its trailer."""
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info.reason
    return None


def main():
    server, guest, target, hosts = sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]
    channel = grpc.insecure_channel(server)
    fleet = hosts_pb2_grpc.HostServiceStub(channel)
    migrations = migrations_pb2_grpc.MigrationServiceStub(channel)

    for host in hosts:
        name, endpoint = host.split("=", 1)
        answer = fleet.RegisterHost(hosts_pb2.RegisterHostRequest(host_id=name, agent_endpoint=endpoint), timeout=30)
        print("registered", answer.host.host_id, answer.host.description.engines[0].version)

    try:
        fleet.GetHost(hosts_pb2.GetHostRequest(host_id="nowhere"), timeout=30)
        return 1
    except grpc.RpcError as error:
        print("refused", error.code().name, reason_of(error))

    migration_id = str(uuid.uuid4())
    request = migrations_pb2.StartMigrationRequest(
        migration_id=migration_id,
        guest_id=guest,
        target_host_id=target,
        max_downtime=duration_pb2.Duration(seconds=2),
        requested_by="another language",
    )
    migrations.StartMigration(request, timeout=30)
    migrations.StartMigration(request, timeout=30)

    readings = 0
    phase = None
    for answer in migrations.WatchMigration(migrations_pb2.WatchMigrationRequest(migration_id=migration_id), timeout=120):
        kind = answer.happening.WhichOneof("what")
        if kind == "reading":
            readings += 1
        elif kind == "snapshot":
            name = migrations_pb2.MigrationPhase.Name(answer.happening.snapshot.phase)
            if name != phase:
                phase = name
                print("phase", phase)

    print("readings", "some" if readings else "none")
    return 0 if phase == "MIGRATION_PHASE_COMPLETED" else 1


sys.exit(main())
