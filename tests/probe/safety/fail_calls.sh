#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Provokes: "ENOMEM and EMFILE at every internal call". fail_calls.sh SHIM TOOL PROGRAM
# FAIL_CALLS STEP ERROR HOW OPTIONS: run the program once for each system call that the
# shim makes in it (each STEP-th), which fails with ERROR; HOW "one" that call alone,
# "from" all that follow, too. The program prints and returns what it does bare; at most two lines tell of it.

# shellcheck source=tests/probe/safety/common.sh
. "$(dirname "$0")/common.sh"
fail_calls=$4 step=$5 error=$6 how=$7
# shellcheck disable=SC2031 # no subshell did
export HEAPSNAP_OPTIONS="$8:dir=$work/snapshots"

"$program" >bare.out 2>bare.err </dev/null
[ $? -eq 7 ] || fail 'the bare program does not end with 7'
"$fail_calls" "$shim" 0 0 0 "$program" >/dev/null 2>&1 </dev/null 9>count
call=1
count=$(cat count)
while [ "$call" -le "$count" ]; do
    last=$call
    [ "$how" = one ] || last=1000000
    "$fail_calls" "$shim" "$error" "$call" "$last" "$program" \
        >tracked.out 2>tracked.err </dev/null 9>count
    status=$?
    [ "$status" -eq 7 ] || fail "call $call of $count: status $status"
    cmp -s bare.out tracked.out \
        || fail "call $call of $count: $(diff bare.out tracked.out | head -n 5)"
    [ "$(grep -vc '^heapsnap: ' tracked.err)" -eq 0 ] \
        || fail "call $call of $count: a line that is not ours"
    [ "$(wc -l <tracked.err)" -le 2 ] || fail "call $call of $count: many lines"
    cat tracked.err >>said
    rm -f snapshots/*
    [ "$failures" -lt 5 ] || break
    call=$((call + step))
done
[ "$count" -gt 20 ] || fail "only $count calls: is the shim in the program?"
# Something must have been felt, or nothing was made to fail. What tells of it may fail, too.
[ "$how$step" != one1 ] || [ -s said ] || fail 'no failure was ever told of'
end
