#!/usr/bin/env bash
# Debian packages and the .NET SDK that a command needs. Installs only what is missing, from the configured sources.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=.ci/messages.sh
. "$here/messages.sh"

log=${here%/*}/.artifacts/log/prerequisites.log
least_sdk=10.0.100
cluster_settings=/etc/postgresql-common/createcluster.d

usage() {
    cat <<'TEXT'
usage: ./run prerequisites COMMAND

Installs the Debian packages that ./run COMMAND needs and the machine lacks, and checks the .NET SDK.
./run COMMAND does this by itself; COMMAND is one of demo, serve, test, bench, lab, lint, migctl.
TEXT
}

packages_for() {
    local build='ca-certificates'
    local fleet='qemu-system-x86 binutils postgresql procps util-linux'
    case $1 in
        migctl | lab) echo "$build" ;;
        lint) echo "$build binutils" ;;
        demo | serve | bench) echo "$build $fleet" ;;
        # Python is the foreign gRPC client.
        test) echo "$build $fleet git python3 python3-grpcio python3-protobuf protobuf-compiler protobuf-compiler-grpc libprotobuf-dev" ;;
        *) die 2 "prerequisites: unknown command '$1'; see ./run prerequisites --help" ;;
    esac
}

is_present() {
    case $1 in
        # Any version's server programs will do; the package of this name only points at the suite's default version.
        postgresql) compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null ;;
        *) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
    esac
}

missing_of() {
    local package
    for package in "$@"; do
        is_present "$package" || printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

check_rights() {
    [ "$(id -u)" = 0 ] && return
    # Where nobody can type a password sudo must do without.
    local ask=(sudo -n true)
    if [ -t 0 ]; then ask=(sudo -v); fi
    command -v sudo >/dev/null && "${ask[@]}" && return
    die 3 "Debian packages are missing and neither root nor a usable sudo is at hand. To be installed: apt-get install --no-install-recommends $*"
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get --quiet --option DPkg::Lock::Timeout=600 "$@"
}

# Waiting for the lock on the package lists is not apt's own: on a fresh machine the daily timer often holds it.
update_lists() {
    local tries
    for tries in {1..60}; do
        quietly "$log" apt_get update && return
        tail -n 5 "$log" | grep -q 'Could not get lock' || break
        note "waiting for another apt to finish ($tries)"
        sleep 5
    done
    note 'the package lists could not be brought up to date; going on with those at hand'
}

drop_cluster_setting() {
    as_root rm -f "$cluster_settings/orchestrator.conf"
    as_root rmdir --ignore-fail-on-non-empty "$cluster_settings"
}

# Debian's server package creates and starts a cluster when first installed, unless a setting says no. It is put in
# the drop-in folder, so no file of the package is touched, and taken away again: it is the machine's, not ours.
without_main_cluster() {
    local code=0
    trap drop_cluster_setting EXIT
    as_root mkdir -p "$cluster_settings" &&
        echo 'create_main_cluster = false' | as_root tee "$cluster_settings/orchestrator.conf" >/dev/null &&
        "$@" || code=$?
    drop_cluster_setting
    trap - EXIT
    return "$code"
}

install_packages() {
    note "installing Debian packages: $*"
    update_lists
    quietly "$log" without_main_cluster apt_get install --yes --no-install-recommends "$@" ||
        die 3 "could not install: $*"
}

# Two ./run at once must not meet in apt. The lock is on a folder that every Debian has and every user may read.
ensure_packages() {
    local missing
    missing=$(missing_of "$@")
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || die 3 "not a Debian system; install what corresponds to: $missing"
    # shellcheck disable=SC2086 # words
    check_rights $missing
    exec 9</var/lib/dpkg
    flock 9
    missing=$(missing_of "$@")
    # shellcheck disable=SC2086 # words
    # The lock is not inherited, or a daemon that some package starts would hold it for good.
    [ -z "$missing" ] || install_packages $missing 9<&-
    exec 9<&-
}

ensure_dotnet() {
    local version
    command -v dotnet >/dev/null ||
        die 3 "no 'dotnet' on PATH: install the .NET SDK $least_sdk or later (package dotnet-sdk-10.0) and put its folder on PATH"
    # Asked in the repository: global.json has a say in which SDK is taken.
    version=$(cd "${here%/*}" && dotnet --version 2>&1) ||
        die 3 "'dotnet --version' fails; .NET SDK $least_sdk or later (package dotnet-sdk-10.0) is needed. It says: $version"
    printf '%s\n' "$least_sdk" "${version%%-*}" | sort --version-sort --check=quiet ||
        die 3 ".NET SDK $least_sdk or later is needed (package dotnet-sdk-10.0), $(command -v dotnet) is $version"
}

main() {
    local packages
    case ${1:---help} in -h | --help | help) usage; return ;; esac
    [ $# = 1 ] || die 2 "prerequisites takes one command; see ./run prerequisites --help"
    packages=$(packages_for "$1")
    # shellcheck disable=SC2086 # words
    ensure_packages $packages
    ensure_dotnet
}

main "$@"
