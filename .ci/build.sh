# shellcheck shell=bash
# Building with the .NET SDK; sourced. Expects messages.sh and sets $root, the folder of the checkout.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# No process of the build outlives it, and the SDK neither greets nor needs ICU.
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 MSBUILDDISABLENODEREUSE=1
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=${DOTNET_SYSTEM_GLOBALIZATION_INVARIANT:-1}

# with_lock NAME COMMAND...: one at a time in this checkout. What the command starts does not inherit the lock.
with_lock() {
    local lock=$root/.artifacts/$1.lock code=0
    shift
    mkdir -p "$root/.artifacts"
    exec 8>"$lock"
    flock --nonblock 8 || { note "waiting for another ./run in this checkout"; flock 8; }
    "$@" 8>&- || code=$?
    exec 8>&-
    return "$code"
}

# Run from the root, where global.json stands.
dotnet_here() { (cd "$root" && exec dotnet "$@" </dev/null); }

# One compiler for all projects is several times faster than a new one for each. It is ours alone, by its name, and goes when the build does.
build() {
    local compiler=orchestrator-build-$$ code=0
    with_lock build quietly "$root/.artifacts/log/build.log" dotnet_here build "$@" --configuration Release \
        --nologo -verbosity:quiet -nodeReuse:false -p:UseSharedCompilation=true -p:SharedCompilationId="$compiler" || code=$?
    pkill -f -- "-pipename:$compiler" || true
    rm -f "${TMPDIR:-/tmp}/$compiler"
    return "$code"
}
