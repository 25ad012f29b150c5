#!/usr/bin/env bash
# Private roots of the QEMU versions that the machine's own Debian suite lacks. Nothing is installed: packages are
# fetched with an apt state of our own, unpacked into the cache and run with their own loader, libraries and firmware.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=.ci/messages.sh
. "$here/messages.sh"

# Series, then the suites to try in this order. "a+b": QEMU from a, what a lacks from b.
known_series='
7.2   bookworm
10.0  trixie  bookworm-backports+bookworm
11.1  trixie-backports+trixie  forky  sid
'

roots=${ORCHESTRATOR_QEMU_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/orchestrator/qemu-roots}

usage() {
    cat <<TEXT
usage: ./run qemu-roots [--list] [--only VERSION]

Prepares a private root of each QEMU version ($(series_names | paste -sd' ')) that the system does not have.
Needs no root rights, installs nothing; a root that is ready is left as it is (remove its folder to renew it).

  --list            show the system's QEMU and the roots that are ready; prepare nothing
  --only VERSION    prepare this version, even if the system has it; may be repeated

Roots are kept in $roots/VERSION
(ORCHESTRATOR_QEMU_ROOTS names another folder). What to run is the file qemu-system-x86_64 in each.
TEXT
}

series_names() { awk 'NF { print $1 }' <<<"$known_series"; }

suites_of() { awk -v series="$1" '$1 == series { $1 = ""; print }' <<<"$known_series"; }

version_of() { "$1" --version 2>/dev/null | sed -nE '1s/.*version ([0-9.]+).*/\1/p'; }

system_version() { command -v qemu-system-x86_64 >/dev/null && version_of qemu-system-x86_64; }

# A root gets its final name only after it was verified, so the wrapper's presence says it is complete.
is_ready() { [ -x "$roots/$1/qemu-system-x86_64" ]; }

list_roots() {
    local series version
    printf '%-8s %-9s %s\n' VERSION SIZE QEMU
    if version=$(system_version); then
        printf '%-8s %-9s %s\n' "$version" installed "$(command -v qemu-system-x86_64)"
    fi
    for series in $(series_names); do
        is_ready "$series" || continue
        printf '%-8s %-9s %s\n' "$(cat "$roots/$series/VERSION")" "$(du -sh "$roots/$series" | cut -f1)" \
            "$roots/$series/qemu-system-x86_64"
    done
}

archive_keyring() {
    local file
    for file in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
        [ -s "$file" ] && echo "$file" && return
    done
    die 3 "no Debian archive keyring: install the package debian-archive-keyring"
}

# The mirrors of the machine's own sources. apt is asked and not the files, which come in two formats.
configured_mirrors() {
    apt-get -o Dir::State::lists="$1" update --print-uris 2>/dev/null |
        sed -nE "s#^'(.*)/dists/([^/]+)/InRelease'.*#\2 \1#p" | awk '$1 !~ /security/ && !seen[$2]++ { print $2 }'
}

# private_apt APT-FOLDER apt-get|apt-cache ARGUMENTS: no installed package, no pin and no source but ours; the
# machine's apt.conf (proxy, certificates) still counts.
private_apt() {
    local apt=$1 program=$2
    shift 2
    "$program" -qq \
        -o Dir::Etc::sourcelist="$apt/debian.sources" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o Dir::State="$apt" -o Dir::State::status="$apt/status" -o Dir::State::lists="$apt/lists" \
        -o Dir::Cache="$apt" -o Dir::Cache::archives="$apt/archives" -o Dir::Log="$apt" \
        -o APT::Sandbox::User=root -o APT::Default-Release= "$@"
}

write_sources() {
    cat <<TEXT
Types: deb
URIs: $1
Suites: $2
Components: main
Architectures: amd64
Targets: Packages
Signed-By: $3
TEXT
}

# Takes the package lists of the suites from the first mirror that has them all.
update_lists() {
    local apt=$1 suites=$2 log=$3 keyring mirror
    keyring=$(archive_keyring)
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    : >"$apt/status"
    for mirror in $(configured_mirrors "$apt/lists"); do
        write_sources "$mirror" "$suites" "$keyring" >"$apt/debian.sources"
        private_apt "$apt" apt-get update --error-on=any >>"$log" 2>&1 </dev/null && return
    done
    return 1
}

# Downloads QEMU of the series and all it depends on; answers 1 when these suites do not have it.
fetch() {
    local series=$1 choice=$2 apt=$3 log=$4
    local suite=${choice%%+*} candidate
    if ! update_lists "$apt" "${choice//+/ }" "$log"; then
        note "  $suite: cannot be had from the machine's apt sources"
        return 1
    fi
    candidate=$(private_apt "$apt" apt-cache -t "$suite" policy qemu-system-x86 2>>"$log" | awk '$1 == "Candidate:" { print $2 }')
    if [[ $candidate != *:"$series".* && $candidate != *:"$series"+* ]]; then
        note "  $suite: has QEMU ${candidate:-(none)}, not $series"
        return 1
    fi
    note "  $suite: fetching qemu-system-x86 $candidate and what it depends on"
    private_apt "$apt" apt-get -t "$suite" install --yes --download-only --no-install-recommends qemu-system-x86 \
        >>"$log" 2>&1 </dev/null && return
    note "  $suite: the download failed, see $log"
    return 1
}

# From here to "prepare" each step answers whether it went well: a caller that asks switches errexit off.
unpack() {
    local apt=$1 into=$2 package
    rm -rf "$into"
    mkdir -p "$into"
    for package in "$apt"/archives/*.deb; do
        dpkg-deb -x "$package" "$into" || return
    done
}

# Shared objects that the programs given need, found with the loader of the unpacked packages themselves.
needed_libraries() {
    local from=$1 loader=$2 program path
    shift 2
    path=$from/usr/lib/x86_64-linux-gnu:$from/lib/x86_64-linux-gnu:$from/usr/lib:$from/lib
    {
        find "$from" -name libgcc_s.so.1 # opened by the C library when a thread is cancelled
        for program in "$@"; do
            "$loader" --inhibit-cache --library-path "$path" --list "$program" | sed -nE 's#.* => (/.*) \(0x[0-9a-f]+\)$#\1#p'
        done
    } | awk -F/ '!seen[$NF]++'
}

# Copies what running QEMU takes out of the unpacked packages: half of their size.
assemble() {
    local from=$1 root=$2 loader folder
    loader=$(find "$from" -name ld-linux-x86-64.so.2 -type f -print -quit)
    rm -rf "$root"
    mkdir -p "$root/lib" "$root/bin" "$root/share"
    for folder in usr/share/qemu usr/share/seabios usr/lib/ipxe; do
        [ ! -d "$from/$folder" ] || cp -a "$from/$folder" "$root/share/" || return
    done
    cp -a "$from/usr/lib/x86_64-linux-gnu/qemu" "$root/modules" || return
    cp "$from/usr/bin/qemu-system-x86_64" "$root/bin/qemu.elf" || return
    needed_libraries "$from" "$loader" "$root/bin/qemu.elf" "$root"/modules/*.so |
        xargs -d '\n' cp -L -t "$root/lib" || return
    # The loader is what the kernel sees running: under this name ps, pgrep and /proc/PID/exe tell of QEMU.
    cp "$loader" "$root/bin/qemu-system-x86_64" || return
    write_wrapper >"$root/qemu-system-x86_64"
    chmod +x "$root/qemu-system-x86_64"
}

write_wrapper() {
    cat <<'TEXT'
#!/bin/bash
# Runs this folder's QEMU with its own loader, libraries, modules and firmware. Every step execs: the process is QEMU.
root=$(dirname "$(readlink -f "$0")")
export QEMU_MODULE_DIR=$root/modules
exec -a "$0" "$root/bin/qemu-system-x86_64" --inhibit-cache --library-path "$root/lib" --argv0 "$0" \
    "$root/bin/qemu.elf" -L "$root/share/qemu" -L "$root/share/seabios" -L "$root/share/ipxe/qemu" "$@"
TEXT
}

# Believed only when it has answered QMP with its version and its firmware has run on an emulated CPU.
verify() {
    local root=$1 series=$2 qemu=$1/qemu-system-x86_64 banner=$1/firmware.log version answer
    version=$(version_of "$qemu")
    [[ $version == "$series".* ]] || { note "  it calls itself '$version'"; return 1; }
    answer=$(ask_version "$banner" | timeout 90 "$qemu" -machine q35 -accel tcg -nodefaults -display none -qmp stdio \
        -debugcon "file:$banner" -global isa-debugcon.iobase=0x402) || true
    [[ $answer == *"\"minor\": ${series#*.},"* && $answer == *"\"major\": ${series%.*}}"* ]] ||
        { note "  QMP query-version answered: $answer"; return 1; }
    grep -q '^SeaBIOS (version' "$banner" || { note "  its firmware did not run"; return 1; }
    rm "$banner"
    echo "$version" >"$root/VERSION"
}

# One QMP conversation, not ended before the firmware has written its banner (or a minute has passed).
ask_version() {
    local banner=$1
    echo '{"execute":"qmp_capabilities"} {"execute":"query-version"}'
    for _ in {1..300}; do
        grep -q '^SeaBIOS (version' "$banner" 2>/dev/null && break
        sleep 0.2
    done
    echo '{"execute":"quit"}'
}

prepare() {
    local series=$1 choice work=$roots/.work/$1
    local log=$work/log
    mkdir -p "$work"
    : >"$log"
    note "QEMU $series"
    for choice in $(suites_of "$series"); do
        # Downloads of an interrupted run are kept, those of another suite are not: they would be unpacked too.
        [ "$(cat "$work/choice" 2>/dev/null)" = "$choice" ] || rm -rf "$work/apt"
        echo "$choice" >"$work/choice"
        fetch "$series" "$choice" "$work/apt" "$log" || continue
        note "  unpacking and trying it out"
        if unpack "$work/apt" "$work/unpacked" && assemble "$work/unpacked" "$work/root" && verify "$work/root" "$series"; then
            rm -rf "${roots:?}/$series"
            mv "$work/root" "$roots/$series"
            rm -rf "$work"
            note "  ready: $roots/$series/qemu-system-x86_64"
            return
        fi
    done
    note "  QEMU $series is not ready; log: $log"
    return 1
}

check_machine() {
    local program
    [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || die 3 "qemu-roots works on Debian amd64 only"
    for program in apt-get dpkg-deb flock; do
        command -v "$program" >/dev/null || die 3 "qemu-roots needs $program"
    done
}

# prepare_all SERIES...
prepare_all() {
    local series failed=0
    check_machine
    mkdir -p "$roots"
    exec 9>"$roots/.lock"
    flock --nonblock 9 || { note "waiting for another qemu-roots to finish"; flock 9; }
    for series in "$@"; do
        is_ready "$series" || prepare "$series" || failed=1
    done
    exec 9>&-
    return "$failed"
}

main() {
    local asked=() missing=() series own list=no failed=0
    while [ $# -gt 0 ]; do
        case $1 in
            --list) list=yes ;;
            --only)
                [ $# -gt 1 ] || die 2 "--only needs a version: one of $(series_names | paste -sd' ')"
                series_names | grep -qxF -- "$2" || die 2 "--only $2: unknown version; one of $(series_names | paste -sd' ')"
                asked+=("$2")
                shift
                ;;
            -h | --help | help) usage; return ;;
            *) die 2 "qemu-roots: unknown argument '$1'; see ./run qemu-roots --help" ;;
        esac
        shift
    done
    if [ "$list" = no ]; then
        own=$(system_version || true)
        [ ${#asked[@]} -gt 0 ] || mapfile -t asked < <(series_names | grep -vxF -- "${own%.*}")
        for series in "${asked[@]}"; do is_ready "$series" || missing+=("$series"); done
        [ ${#missing[@]} = 0 ] || prepare_all "${missing[@]}" || failed=1
    fi
    list_roots
    return "$failed"
}

main "$@"
