# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # who sources this uses the names
#
# What the tests of the command line share. Sourced with the path of the tool as $1.
#
# A test runs in an empty directory of its own, removed at the end together with every
# process it started by `begin`. The first thing that is not as it should be ends it.

set -u

# shellcheck source=tests/support/absolute.sh
. "$(dirname "$0")/../../support/absolute.sh"
heapsnap=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/heapsnap-cli.XXXXXX") || exit 1
started=

clean_up() {
    for pid in $started; do
        kill -KILL "$pid" 2>/dev/null
    done
    cd /
    umount "$work/disk" 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1

fail() {
    echo "FAIL: $*" >&2
    if [ -s "$work/err" ]; then
        echo "--- its stderr:" >&2
        cat "$work/err" >&2
    fi
    exit 1
}

# try STATUS COMMAND…: run it, keep ./out and ./err, and expect its exit status.
try() {
    expected=$1
    shift
    "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
    [ "$status" -eq "$expected" ] || fail "'$*' ended with $status, expected $expected"
}

# The last command said exactly one line on stderr: "heapsnap: … $1 …".
said() {
    lines=$(wc -l <"$work/err")
    [ "$lines" -eq 1 ] || fail "$lines lines on stderr where one was expected"
    grep -q '^heapsnap: ' "$work/err" || fail "the line does not begin with 'heapsnap: '"
    grep -q -- "$1" "$work/err" || fail "the line does not say '$1'"
}

# No snapshot, whole or in part, is in directory $1.
nothing_in() {
    found=$(find "$1" -name '*heapsnapshot*' -print)
    [ -z "$found" ] || fail "left behind: $found"
}

# loads FILE: it is a snapshot that the tool itself can read.
loads() {
    [ -f "$1" ] || fail "'$1' was not written"
    "$heapsnap" summary "$1" >"$work/summary" 2>"$work/err" \
        || fail "'$1' does not load"
    [ -s "$work/summary" ] || fail "the summary of '$1' is empty"
}

# await PID: until heapsnap can see it, or 20 seconds have passed.
await_tracked() {
    tries=0
    until "$heapsnap" ls 2>/dev/null | grep -q "^ *$1 "; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || fail "process $1 is not tracked"
        sleep 0.1
    done
}

# Put before a command (unquoted) it runs as somebody without rights: nobody, or
# ourselves when we are not root.
nobody=
[ "$(id -u)" -ne 0 ] || nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'

# shellcheck source=tests/support/copy_tools.sh
. "$(dirname "$0")/../../support/copy_tools.sh"

# agrees FILE BYTES WHO: what the allocator holds for the program, according to the
# snapshot, differs by less than one percent from what WHO says.
agrees() {
    python3 - "$@" >"$work/agreement" 2>&1 <<'END' || fail "$(cat "$work/agreement")"
import json, sys
ours = json.load(open(sys.argv[1]))["snapshot"]["heapsnap"]["usable_bytes"]
theirs = int(sys.argv[2])
print(f"{ours} bytes by the snapshot, {theirs} by {sys.argv[3]}: {ours / theirs - 1:+.2%}")
sys.exit(abs(ours / theirs - 1) >= 0.01)
END
    cat "$work/agreement"
}
