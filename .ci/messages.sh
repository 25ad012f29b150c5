# shellcheck shell=bash
# What the scripts say to people: progress on standard error, so that standard output stays a command's result.

note() { printf '%s\n' "$*" >&2; }

# die EXIT-CODE TEXT
die() {
    local code=$1
    shift
    printf 'run: %s\n' "$*" >&2
    exit "$code"
}

# quietly LOG COMMAND...: the output goes to the log and is shown only when the command fails.
quietly() {
    local log=$1 code=0
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >>"$log" 2>&1 </dev/null || code=$?
    [ "$code" = 0 ] && return
    tail -n 40 "$log" >&2
    note "run: '$*' failed with exit code $code; the whole log is $log"
    return "$code"
}
