#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Provokes: a tracked program under gdb (breakpoints, stepping out, Ctrl-C) and strace:
# it goes on as it does alone, and its snapshot at exit is there.

# shellcheck source=tests/probe/safety/common.sh
. "$(dirname "$0")/common.sh"
options=follow=0:snapshot=exit:dir=$work/snapshots

same strace : strace -f -o trace.out "$program"
rm -f snapshots/*
title='strace of a tracked program'
"$program" >bare.out
strace -f -o trace.out -E LD_PRELOAD="$shim" -E HEAPSNAP_OPTIONS="$options" "$program" \
    >tracked.out 2>tracked.err
[ $? -eq 7 ] || fail "$title: the status differs"
cmp -s bare.out tracked.out || fail "$title: the output differs"
has_snapshot

title=gdb
cat >commands <<END
set confirm off
set exec-wrapper env LD_PRELOAD=$shim HEAPSNAP_OPTIONS=$options
set pagination off
break use_mappings
run >tracked.out
backtrace 3
finish
handle SIGUSR1 nostop print pass
continue
END
gdb -q -batch -x commands "$program" >gdb.out 2>tracked.err </dev/null
grep -q '^#1 .*main' gdb.out || fail "$title: no stack at the breakpoint: $(tail -n 9 gdb.out)"
grep -q 'exited with code 07' gdb.out || fail "$title: $(tail -n 5 gdb.out)"
cmp -s bare.out tracked.out || fail "$title: the output differs"
has_snapshot

# Ctrl-C in the middle of allocations, and on.
title='Ctrl-C in gdb'
cat >commands <<END
set confirm off
set exec-wrapper env LD_PRELOAD=$shim HEAPSNAP_OPTIONS=$options
set pagination off
run forever >/dev/null
backtrace 1
signal SIGTERM
END
gdb -q -batch -x commands "$program" >gdb.out 2>tracked.err </dev/null &
gdb=$!
started=$gdb
tries=0
until child=$(pgrep -P "$gdb" -x "$(basename "$program" | cut -c 1-15)"); do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || break
    sleep 0.1
done
sleep 0.3
kill -INT "${child:-0}"
wait "$gdb"
grep -q 'received signal SIGINT' gdb.out || fail "$title: $(tail -n 5 gdb.out)"
grep -q 'terminated with signal SIGTERM' gdb.out || fail "$title: $(tail -n 5 gdb.out)"
end
