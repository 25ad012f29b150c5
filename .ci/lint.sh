#!/usr/bin/env bash
# What a machine can say about the form of the code.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=.ci/messages.sh
. "$here/messages.sh"
# shellcheck source=.ci/build.sh
. "$here/build.sh"

usage() {
    cat <<'TEXT'
usage: ./run lint

Builds everything with warnings as errors, verifies the formatting (dotnet format), and checks the shell scripts
(bash -n, and shellcheck where it is installed). Exit code 1 when anything is to be mended.
TEXT
}

lint_shell() {
    local script failed=0
    local scripts=("$root/run" "$root/.ci/run" "$root"/.ci/*.sh)
    for script in "${scripts[@]}"; do bash -n "$script" || failed=1; done
    if command -v shellcheck >/dev/null; then
        (cd "$root" && shellcheck --external-sources "${scripts[@]}") || failed=1
    fi
    return "$failed"
}

# Incremental builds do not repeat the warnings of what they skip.
lint_build() { build Orchestrator.sln --no-incremental -warnaserror; }

lint_format() { dotnet_here format Orchestrator.sln --verify-no-changes --no-restore; }

main() {
    local step failed=()
    case ${1-} in
        '') ;;
        -h | --help) usage; return ;;
        *) die 2 "lint takes no arguments" ;;
    esac
    "$here/prerequisites.sh" lint
    for step in shell build format; do
        note "lint: $step"
        "lint_$step" || failed+=("$step")
    done
    [ ${#failed[@]} = 0 ] || die 1 "lint: to be mended: ${failed[*]}"
    note "lint: nothing to mend"
}

main "$@"
