# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# For the tests beside it: $heapsnap, $before and $after are the tool and two snapshots
# of one small server; run CMD… leaves $status and the files "out" and "err".

set -u
heapsnap=$1 before=$2 after=$3
unset NO_COLOR
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT

fail() {
    echo "FAILED: $*"
    echo "--- stdout"; head -n 40 "$files/out"
    echo "--- stderr"; head -n 10 "$files/err"
    exit 1
}

run() {
    "$@" >"$files/out" 2>"$files/err" </dev/null
    status=$?
}

expect_status() {
    [ "$status" -eq "$1" ] || fail "exit status $status, not $1"
}

expect_out() {
    grep -qF -- "$1" "$files/out" || fail "stdout lacks: $1"
}

expect_no_out() {
    ! grep -qF -- "$1" "$files/out" || fail "stdout has: $1"
}

# One line on stderr with this text in it.
expect_err() {
    grep -qF -- "$1" "$files/err" || fail "stderr lacks: $1"
}

expect_quiet() {
    [ ! -s "$files/err" ] || fail 'stderr is not empty'
}

# A Python expression over the JSON document `d` on stdout.
expect_json() {
    python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
sys.exit(0 if eval(sys.argv[2]) else 1)' "$files/out" "$1" 2>>"$files/err" ||
        fail "not true of the JSON: $1"
}
