#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Without the helper, or without the shim: one line, and the program runs as always.

# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"
worker=$2
"$worker" 100 100 </dev/null >bare.out

HEAPSNAP_OPTIONS=helper=/no/such/heapsnap \
    "$heapsnap" run -d . -- "$worker" 100 100 </dev/null >program.out 2>err
status=$?
[ "$status" -eq 7 ] || fail "the program ended with $status"
cmp -s bare.out program.out || fail "the program's output changed"
said '/no/such/heapsnap'
nothing_in .

# A helper that is no heapsnap must not keep the program from ending.
for helper in /bin/false /bin/true; do
    HEAPSNAP_OPTIONS=helper=$helper \
        "$heapsnap" run -d . -- "$worker" 100 100 </dev/null >program.out 2>err
    status=$?
    [ "$status" -eq 7 ] || fail "with $helper the program ended with $status"
    cmp -s bare.out program.out || fail "with $helper the program's output changed"
    nothing_in .
done

# On request no helper is needed.
mkfifo input
HEAPSNAP_OPTIONS=helper=/no/such/heapsnap \
    "$heapsnap" run --no-exit-snapshot -- "$worker" 100 100 <input >program.out 2>err &
program=$!
started=$program
exec 9>input
await_tracked "$program"
try 0 "$heapsnap" snap -o asked.heapsnapshot "$program"
loads asked.heapsnapshot
exec 9>&-
wait "$program"
[ $? -eq 7 ] || fail "the program's status changed"

# Without the shim nothing is started.
copy_tools
rm build/probes/libheapsnap-preload.so
try 1 "$heapsnap" run -- "$worker" 10 10
said 'libheapsnap-preload.so is missing'
[ ! -s out ] || fail "the program was started without the shim"
