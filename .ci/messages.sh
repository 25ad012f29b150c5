# shellcheck shell=bash
# What the scripts say to people: progress on standard error, so that standard output stays a command's result.

# A child that answers Ctrl-C by itself must not make the script go on with its next step.
trap 'exit 130' INT

note() { printf '%s\n' "$*" >&2; }

# die EXIT-CODE TEXT
die() {
    local code=$1
    shift
    printf 'run: %s\n' "$*" >&2
    exit "$code"
}

# quietly LOG COMMAND...: the output is added to the log, and the end of it shown only when the command fails.
quietly() {
    local log=$1 code=0 before
    shift
    mkdir -p "$(dirname "$log")"
    touch "$log"
    before=$(wc -c <"$log")
    "$@" >>"$log" 2>&1 </dev/null || code=$?
    [ "$code" = 0 ] && return
    tail -c "+$((before + 1))" "$log" | tail -n 40 >&2
    note "run: '$*' failed with exit code $code; log: $log"
    return "$code"
}
