#!/usr/bin/env bash
# Builds the program behind a command if its sources changed, then becomes it: a signal to this process reaches it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=.ci/messages.sh
. "$here/messages.sh"
# shellcheck source=.ci/build.sh
. "$here/build.sh"

project_of() {
    case $1 in
        demo | serve) echo src/Orchestrator.LocalFleet ;;
        bench) echo tests/Orchestrator.Bench ;;
        lab) echo src/Orchestrator.Lab ;;
        migctl) echo src/Orchestrator.Cli ;;
    esac
}

# The program's file is called as its project says, else as its project.
assembly_of() {
    local named
    named=$(sed -n 's#.*<AssemblyName>\(.*\)</AssemblyName>.*#\1#p' "$root/$1/$(basename "$1").csproj")
    echo "${named:-$(basename "$1")}"
}

wants_help() {
    local argument
    for argument in "$@"; do
        case $argument in -h | --help) return 0 ;; --) return 1 ;; esac
    done
    return 1
}

# Nothing that goes into a program is newer than the start of its last good build.
is_current() {
    local stamp=$1 program=$2 newer
    [ -f "$stamp" ] && [ -f "$program" ] || return 1
    newer=$(cd "$root" && find src proto migrations-db tests/Orchestrator.Bench Directory.* global.json \
        \( -name bin -o -name obj \) -prune -o -newer "$stamp" -print -quit 2>/dev/null)
    [ -z "$newer" ]
}

build_program() {
    local project=$1 stamp=$2
    note "building $project"
    mkdir -p "$(dirname "$stamp")"
    : >"$stamp.new"
    build "$root/$project" || die 1 "$project does not build"
    mv "$stamp.new" "$stamp"
}

main() {
    local command=$1 project name program stamp
    shift
    project=$(project_of "$command")
    name=$(basename "$project")
    [ -f "$root/$project/$name.csproj" ] || die 1 "'$command' needs the project $project, which this checkout does not have"
    if wants_help "$@"; then "$here/prerequisites.sh" migctl; else "$here/prerequisites.sh" "$command"; fi
    program=$root/$project/bin/Release/net10.0/$(assembly_of "$project").dll
    stamp=$root/.artifacts/built/$name
    is_current "$stamp" "$program" || build_program "$project" "$stamp"
    case $command in
        demo | serve) exec dotnet "$program" "$command" "$@" ;;
        *) exec dotnet "$program" "$@" ;;
    esac
}

main "$@"
