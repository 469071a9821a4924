#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A process that executes one program after another is tracked through all of them, and
# a tool that asks in between waits for the next one.

# shellcheck disable=SC2016 # the inner shell expands
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"

cat >again.sh <<'END'
[ "$1" -eq 0 ] && exit 7
i=0
while [ $i -lt 20000 ]; do i=$((i + 1)); done
exec sh ./again.sh $(($1 - 1))
END
"$heapsnap" run --no-exit-snapshot -- sh ./again.sh 60 >program.out 2>program.err &
program=$!
started=$program
await_tracked "$program"

snaps=0
while kill -0 "$program" 2>/dev/null; do
    if "$heapsnap" snap -o asked.heapsnapshot "$program" >out 2>err; then
        loads asked.heapsnapshot
        snaps=$((snaps + 1))
    else
        grep -Eq 'has ended|ended before|no process' err || fail "no snapshot between two programs"
    fi
done
wait "$program"
status=$?
[ "$status" -eq 7 ] || fail "the program ended with $status"
[ "$snaps" -ge 10 ] || fail "only $snaps snapshots of 60 programs"
[ ! -s program.err ] || fail "the program's stderr: $(cat program.err)"
