#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Processes and programs that cannot be talked to or tracked: each has its own line, and
# none of them is disturbed by being asked.

# shellcheck disable=SC2086 # $nobody is words
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"
worker=$2
static=$3
cp "$worker" worker
copy_tools
chmod 777 .

# Commands that cannot be started.
try 127 "$heapsnap" run -- no-such-command
said "'no-such-command': command not found"
try 127 "$heapsnap" run -- ./no-such-command
said "'./no-such-command': command not found"
echo data >data
try 126 "$heapsnap" run -- ./data
said "'./data': Permission denied"
try 126 "$heapsnap" run -- /
said "'/': Is a directory"
printf '#!/no/such/interpreter\n' >script
chmod 755 script
try 127 "$heapsnap" run -- ./script
said "interpreter '/no/such/interpreter'"
try 1 "$heapsnap" run -- "$static" 10 10
said 'is a static binary'
cp "$worker" setid
chmod 4755 setid
if [ "$(id -u)" -eq 0 ]; then
    try 1 $nobody "$heapsnap" run -- ./setid 10 10
    said 'set-id'
fi
try 7 "$heapsnap" run --no-exit-snapshot -- ./setid 10 10
head -c 18 "$worker" >foreign
printf '\026\000' >>foreign # EM_S390
tail -c +21 "$worker" >>foreign
chmod 755 foreign
try 1 "$heapsnap" run -- ./foreign
said 'another architecture'

# AddressSanitizer's library ends a program that has a preload, so it is not started.
# All that counts is that the program needs a library of that name.
if command -v gcc >/dev/null; then
    echo 'int nothing;' >library.c
    echo 'extern int nothing; int main(void) { return nothing; }' >sanitized.c
    gcc -shared -fPIC -Wl,-soname,libasan.so.8 -o libasan.so.8 library.c \
        && gcc -o sanitized sanitized.c ./libasan.so.8 -Wl,-rpath,. || fail "gcc failed"
    try 0 ./sanitized
    try 1 "$heapsnap" run -- ./sanitized
    said 'is built with AddressSanitizer'
fi

# A "#!" that names nobody is the shell's to interpret, as without heapsnap.
printf '#!\nexit 5\n' >nobody-named
chmod 755 nobody-named
try 5 "$heapsnap" run --no-exit-snapshot -- ./nobody-named

# Usage.
for arguments in 'snap' 'snap 0' 'snap 12x' 'snap 1 2' 'snap --timeout 0 1' 'run' \
    'run --every never ls' 'run --over 5X ls' 'run --signal NOPE ls' 'run --track all ls' \
    'run --follow -o x ls' 'watch 1' 'watch -t 1M' 'watch -t lots 1' 'ls 1' 'nonsense' ''; do
    # shellcheck disable=SC2086 # words
    try 2 "$heapsnap" $arguments
    [ -s err ] || fail "'heapsnap $arguments' says nothing"
done

# Processes that are not there, not tracked, static, stopped, ended.
try 1 "$heapsnap" snap 4194305
said 'there is no process 4194305'
try 1 "$heapsnap" watch -t 1M 4194305
said 'there is no process 4194305'

mkfifo bare.input
./worker 10 10 <bare.input >bare.out &
bare=$!
"$static" 10 10 <bare.input >static.out &
static_pid=$!
mkfifo input
"$heapsnap" run --no-exit-snapshot -- ./worker 10 10 <input >program.out 2>program.err &
program=$!
started="$bare $static_pid $program"
exec 8>bare.input
exec 9>input
await_tracked "$program"

try 0 "$heapsnap" snap -o bare.heapsnapshot "$bare"
said 'ran without the preloaded library'
loads bare.heapsnapshot
try 1 "$heapsnap" watch -t 1M "$bare"
said 'is not tracked; start it with: heapsnap run --'
try 0 "$heapsnap" snap -o static.heapsnapshot "$static_pid"
said 'ran without the preloaded library'
loads static.heapsnapshot
try 1 "$heapsnap" watch -t 1M "$static_pid"
said 'is a static binary'

kill -STOP "$program"
until grep -q '^State:.T' "/proc/$program/status"; do sleep 0.1; done
try 1 "$heapsnap" snap "$program"
said "process $program is stopped; continue it with: kill -CONT $program"
kill -CONT "$program"
try 0 "$heapsnap" snap -o after.heapsnapshot "$program"
loads after.heapsnapshot

if [ "$(id -u)" -eq 0 ]; then
    try 1 $nobody "$heapsnap" snap "$program"
    said 'belongs to root; run heapsnap as that user or as root'
    $nobody "$heapsnap" ls >out 2>/dev/null
    grep -q "^ *$program " out && fail "ls shows another user's process"
    # And root may ask anybody's.
    mkfifo other.input
    $nobody "$heapsnap" run --no-exit-snapshot -- ./worker 10 10 <other.input >other.out &
    other=$!
    started="$started $other"
    exec 7>other.input
    await_tracked "$other"
    try 0 "$heapsnap" snap -o other.heapsnapshot "$other"
    loads other.heapsnapshot
    exec 7>&-
fi

exec 8>&- 9>&-
wait "$bare"
[ $? -eq 7 ] || fail "asking disturbed an untracked program"
wait "$static_pid"
[ $? -eq 7 ] || fail "asking disturbed a static program"
wait "$program"
[ $? -eq 7 ] || fail "asking disturbed the tracked program"
cmp -s bare.out program.out || fail "the tracked program's output changed"
try 1 "$heapsnap" snap "$program"
said "there is no process $program"
