#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A program that is held up by vfork: it is reported and not waited for, nothing of the
# request is left, and as soon as it goes on there is a snapshot.

# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"
vforker=$2

mkfifo input
"$heapsnap" run --no-exit-snapshot -- "$vforker" <input >program.out 2>program.err &
started=$!
exec 9>input
until [ -s program.out ]; do sleep 0.1; done
read -r program child <program.out
started="$started $child"

try 1 "$heapsnap" snap --timeout 50 -o held.heapsnapshot "$program"
said "waits in vfork for its child $child to execute a program or to end; try again then"
nothing_in .

kill -KILL "$child"
until grep -q '^on' program.out; do sleep 0.1; done
try 0 "$heapsnap" snap -o after.heapsnapshot "$program"
[ -s after.heapsnapshot ] || fail "no snapshot afterwards"
exec 9>&-
wait "$program" || fail "the program ended with $?"
