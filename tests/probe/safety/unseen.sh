#!/bin/sh
# SPDX-License-Identifier: MIT
#
# unseen.sh SHIM PROGRAM OPENER LIBRARY OTHER: libraries that come and go by a dlclose that
# passes our hook by. Every stack is compared with libunwind's, and none differs.

shim=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAIL: $*"
    cat "$work/said"
    exit 1
}

LD_PRELOAD=$shim HEAPSNAP_OPTIONS=verify=stacks "$@" >"$work/out" 2>"$work/said" \
    || fail 'the program did not end well'
[ "$(cat "$work/out")" = 1 ] || fail 'no library was where another had been: nothing is proven'
grep -q 'stacks: [1-9][0-9]* equal' "$work/said" || fail 'no stack was compared'
grep -q ' 0 different,' "$work/said" || fail 'some stacks differ'
