#!/bin/sh
# SPDX-License-Identifier: MIT
#
# heapsnap, the frozen image and the helper are killed at many moments while a program
# runs. It must end as it always does, and the next snapshot must work.

# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"
killer=$4
# A program of our own: the killer knows an image by its executable, and another test may
# be using the worker at the same time.
cp "$2" worker || fail "cannot copy $2"
worker=$work/worker
"$worker" 20000 20000 </dev/null >bare.out

mkfifo input
"$heapsnap" run --no-exit-snapshot --signal USR2 -d . -- "$worker" 20000 20000 \
    <input >program.out 2>program.err &
program=$!
started=$program
exec 9>input
await_tracked "$program"

# The tool, killed 0 to 57 ms after its start.
for step in 0 1 2 3 4 5 6 8 10 12 14 17 20 24 28 33 38 44 50 57; do
    "$heapsnap" snap -o killed.heapsnapshot "$program" >/dev/null 2>&1 9>&- &
    tool=$!
    sleep "0.0$(printf %02d "$step")"
    kill -KILL "$tool" 2>/dev/null
    wait "$tool" 2>/dev/null
    [ ! -e killed.heapsnapshot ] || loads killed.heapsnapshot
    rm -f killed.heapsnapshot
done
try 0 "$heapsnap" snap -o after.heapsnapshot "$program"
loads after.heapsnapshot
[ "$(find . -name 'killed*' | wc -l)" -eq 0 ] || fail "left behind: $(find . -name 'killed*')"

# The image: the tool that waits for it must say so, and nothing else may happen.
met=0
for delay in 0 100 200 400 700 1000 1500 2000 3000 5000; do
    "$killer" "$program" "$delay" 9>&- &
    tool=$!
    sleep 0.02
    "$heapsnap" snap -o image.heapsnapshot "$program" >out 2>err 9>&-
    status=$?
    wait "$tool" && met=$((met + 1))
    if [ "$status" -eq 0 ]; then
        loads image.heapsnapshot
    else
        [ "$status" -eq 1 ] || fail "snap without an image ended with $status"
        said "process $program"
        [ ! -e image.heapsnapshot ] || fail "a snapshot without an image"
    fi
    rm -f image.heapsnapshot
done
[ "$met" -gt 0 ] || fail "no image was met"

# A watch goes on after a look that came to nothing.
"$killer" "$program" 0 9>&- &
tool=$!
try 0 "$heapsnap" watch -t 1G -i 0.01 --for 1 "$program"
wait "$tool"

# The helper, started by the program itself on a signal.
for step in 0 1 2 4 6 8 12 16 24 32; do
    kill -USR2 "$program"
    sleep "0.0$(printf %02d "$step")"
    for status in /proc/[0-9]*/status; do
        pid=${status#/proc/}
        pid=${pid%/status}
        grep -q '^Name:.heapsnap$' "$status" 2>/dev/null \
            && [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$work" ] \
            && kill -KILL "$pid" 2>/dev/null
    done
done
try 0 "$heapsnap" snap -o last.heapsnapshot "$program"
loads last.heapsnapshot
for file in heap.*.heapsnapshot; do
    [ ! -e "$file" ] || loads "$file"
done

exec 9>&-
wait "$program"
status=$?
[ "$status" -eq 7 ] || fail "the program ended with $status"
cmp -s bare.out program.out || fail "the program's output changed"
