#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A directory where no file can be made: refused before the program starts, told in one
# line by snap, and told in one line at exit when the directory changed meanwhile.

# shellcheck disable=SC2086 # $nobody is words
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"
worker=$2
cp "$worker" worker
copy_tools
mkdir closed open
chmod 777 open .
chmod 555 closed

try 1 $nobody "$heapsnap" run -d closed -- ./worker 10 10
said "closed': Permission denied"
try 1 $nobody "$heapsnap" run -o closed/x.heapsnapshot -- ./worker 10 10
said "closed': Permission denied"
try 1 "$heapsnap" run -d nowhere -- ./worker 10 10
said "nowhere': No such file or directory"
try 1 "$heapsnap" run -d "$heapsnap" -- ./worker 10 10
said 'Not a directory'
try 1 "$heapsnap" run -o nowhere/x.heapsnapshot -- ./worker 10 10
said "nowhere': No such file or directory"

mkfifo input
$nobody "$heapsnap" run --no-exit-snapshot -- ./worker 1000 10 <input >program.out 2>program.err &
program=$!
started=$program
exec 9>input
await_tracked "$program"
try 1 $nobody "$heapsnap" snap -d closed "$program"
said 'closed/heap.*Permission denied'
try 1 $nobody "$heapsnap" snap -o closed/x.heapsnapshot "$program"
said 'closed/x.heapsnapshot: Permission denied'
try 1 $nobody "$heapsnap" snap -d nowhere "$program"
said 'No such file or directory'
try 1 $nobody "$heapsnap" snap -o open "$program"
said 'open'
# For none of these the program was stopped: the next snapshot is its first.
try 0 $nobody "$heapsnap" snap -d open "$program"
grep -q '[.]1[.]heapsnapshot$' out || fail "not the first snapshot: $(cat out)"
rm "$(cat out)"
try 0 $nobody "$heapsnap" snap -o open/x.heapsnapshot "$program"
loads open/x.heapsnapshot
rm open/x.heapsnapshot
exec 9>&-
wait "$program"
[ $? -eq 7 ] || fail "the program's status changed"

# The directory is closed while the program runs.
mkfifo again
$nobody "$heapsnap" run -d open -- ./worker 1000 10 <again >program.out 2>err &
program=$!
started=$program
exec 9>again
await_tracked "$program"
chmod 555 open
exec 9>&-
wait "$program"
status=$?
[ "$status" -eq 7 ] || fail "the program ended with $status"
said 'open/heap.*Permission denied'
chmod 777 open
nothing_in .
