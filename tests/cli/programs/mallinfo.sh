#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Live bytes against glibc's own count, which is mallinfo2.

# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"

mkfifo input
"$heapsnap" run --no-exit-snapshot -- "$2" <input >program.out 2>err &
program=$!
started=$program
exec 9>input
await_tracked "$program"
until [ -s program.out ]; do sleep 0.1; done
try 0 "$heapsnap" snap -o asked.heapsnapshot "$program"
loads asked.heapsnapshot
agrees asked.heapsnapshot "$(cat program.out)" mallinfo2
exec 9>&-
wait "$program" || fail "the program's status changed"
