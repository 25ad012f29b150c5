#!/usr/bin/env bash
# Builds everything and runs the test projects, two at a time, and the scenarios by themselves after them: those watch guests in real time.
# What counts is what the result files say.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=.ci/messages.sh
. "$here/messages.sh"
# shellcheck source=.ci/build.sh
. "$here/build.sh"

results=$root/.artifacts/test-results
filter=
matrix=no

# Which tests: Category=Campaign or all others. A trait of the tests themselves.
category='Category!=Campaign'

usage() {
    cat <<'TEXT'
usage: ./run test [--qemu-matrix] [--filter EXPRESSION] [PROJECT...]

Builds Orchestrator.sln in Release and runs its test projects, or those named (Orchestrator.Policy.Tests, or a part
of the name such as Policy), but for the long scenarios of ./run campaign. Result files and logs are in
.artifacts/test-results/. The last line is "N passed, N failed" (with ", N skipped" when some were). Exit code 0 only
if tests ran and none failed.

  --filter EXPRESSION   only these tests: the expression of dotnet test, for example FullyQualifiedName~Lifecycle
  --qemu-matrix         run Orchestrator.Scenarios once with each QEMU: the system's and every root that
                        ./run qemu-roots has prepared
TEXT
}

usage_campaign() {
    cat <<'TEXT'
usage: ./run campaign [--qemu-matrix] [--filter EXPRESSION]

Builds Orchestrator.sln in Release and runs the scenarios that take half a minute or more each: those with the trait
Category=Campaign of Orchestrator.Scenarios. Real guests, a real Postgres, real processes. Result files, the last line
and the exit code are as of ./run test.

  --filter EXPRESSION   only these of them: the expression of dotnet test, for example FullyQualifiedName~Evacuation
  --qemu-matrix         once with each QEMU: the system's and every root that ./run qemu-roots has prepared
TEXT
}

test_projects() {
    sed -nE '/.*"(tests\\[^"]*\.csproj)".*/ { s//\1/; y#\\#/#; p }' "$root/Orchestrator.sln" |
        grep -E '(\.Tests|/Orchestrator\.Scenarios)\.csproj$' | sort
}

# Answers the projects whose name is or contains one of the arguments; all without arguments.
chosen_projects() {
    local all name matched
    all=$(test_projects)
    [ $# -gt 0 ] || { echo "$all"; return; }
    for name in "$@"; do
        matched=$(grep -iE "/([^/]*)${name//./\\.}[^/]*\.csproj$" <<<"$all") ||
            die 2 "test: no test project is called '$name'; there are: $(sed 's#.*/##; s#\.csproj##' <<<"$all" | paste -sd' ')"
        echo "$matched"
    done | sort -u
}

# One "version path" a line: the system's QEMU, then the prepared roots of other versions.
known_qemus() {
    "$here/qemu-roots.sh" --list | awk 'NR > 1 {
        version = $1
        sub(/^[^ ]+ +[^ ]+ +/, "")
        if (!seen[version]++) print version, $0
    }'
}

# run_project PROJECT LABEL: the tests of one project; answers whether all went well.
run_project() {
    local project=$1 label=$2 code=0
    dotnet_here test "$project" --no-build --configuration Release --nologo --filter "$category${filter:+&($filter)}" \
        --logger "trx;LogFileName=$label.trx" --results-directory "$results" \
        --blame-hang-timeout 15m --blame-hang-dump-type none >"$results/$label.log" 2>&1 || code=$?
    /usr/bin/python3 "$here/count_tests.py" run "$results" "$label" "$code"
}

# run_beside_each_other PROJECT...: most of their time is waiting, so two share the machine well. Their results tell how they went.
run_beside_each_other() {
    local project
    for project in "$@"; do
        while [ "$(jobs -pr | wc -l)" -ge 2 ]; do wait -n || true; done
        run_project "$project" "$(basename "$project" .csproj)" &
    done
    wait
}

run_matrix() {
    local project=$1 name=$2 version path failed=0
    [ "$(known_qemus | wc -l)" -gt 1 ] || note "only one QEMU is at hand; ./run qemu-roots prepares others"
    while read -r version path; do
        ORCHESTRATOR_QEMU=$path run_project "$project" "$name-qemu-$version" || failed=1
    done < <(known_qemus)
    return "$failed"
}

run_all() {
    local scenarios="" project others=() failed=0
    rm -rf "$results"
    mkdir -p "$results"
    for project in "$@"; do
        case $project in
            */Orchestrator.Scenarios.csproj) scenarios=$project ;;
            *) others+=("$project") ;;
        esac
    done
    run_beside_each_other "${others[@]}"
    if [ -n "$scenarios" ] && [ "$matrix" = yes ]; then
        run_matrix "$scenarios" Orchestrator.Scenarios || failed=1
    elif [ -n "$scenarios" ]; then
        run_project "$scenarios" Orchestrator.Scenarios || failed=1
    fi
    if [ "$matrix" = yes ]; then /usr/bin/python3 "$here/count_tests.py" matrix "$results"; fi
    /usr/bin/python3 "$here/count_tests.py" total "$results" || failed=1
    return "$failed"
}

build_and_run() {
    note "building Orchestrator.sln (Release)"
    build Orchestrator.sln || die 1 "the build failed; no test was run"
    run_all "$@"
}

main() {
    local names=() projects help=usage
    while [ $# -gt 0 ]; do
        case $1 in
            --qemu-matrix) matrix=yes ;;
            --filter)
                [ $# -gt 1 ] || die 2 "--filter needs an expression"
                filter=$2
                shift
                ;;
            --campaign)
                category='Category=Campaign'
                help=usage_campaign
                ;;
            -h | --help) "$help"; return ;;
            -*) die 2 "test: unknown option '$1'; see ./run test --help" ;;
            *) names+=("$1") ;;
        esac
        shift
    done
    if [ "$help" = usage_campaign ]; then
        [ ${#names[@]} = 0 ] || die 2 "campaign takes no projects; see ./run campaign --help"
        names=(Orchestrator.Scenarios)
    fi
    projects=$(chosen_projects "${names[@]}")
    if [ "$matrix" = yes ] && ! grep -q '/Orchestrator\.Scenarios\.csproj$' <<<"$projects"; then
        die 2 "--qemu-matrix is for Orchestrator.Scenarios, which is not among the projects chosen"
    fi
    "$here/prerequisites.sh" test
    mapfile -t projects <<<"$projects"
    with_lock test build_and_run "${projects[@]}"
}

main "$@"
