#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Real programs, stopped by SIGSTOP: what is seen of the process, of gcore's core and of the
# kernel's own is the same. The kernel only writes one here when core_pattern is a file's
# bare name.
#
#   cores.sh SAME redis|python|sqlite
set -eu
same=$(realpath "$1") program=$2
# shellcheck source=tests/probe/external/common.sh
. "${0%/*}/common.sh"
command -v gcore >/dev/null 2>&1 || { echo "gcore is missing: nothing is tested"; exit 77; }

cd "$dir"
# shellcheck disable=SC3045 # dash has it
ulimit -c unlimited 2>/dev/null || :
mkfifo in
case $program in
redis)
    redis-server --port 0 --unixsocket "$dir/socket" --save '' >out 2>&1 &
    ;;
python)
    /usr/bin/python3 -c 'import json, re, sys
kept = [{"key%d" % i: [i] * 9} for i in range(20000)]
print("ready", flush=True)
sys.stdin.read()' <in >out 2>&1 &
    ;;
sqlite)
    sqlite3 -interactive <in >out 2>&1 &
    ;;
esac
pid=$!
pids=$pid
exec 3<>in # also where nobody reads
case $program in
redis)
    await out 'ready to accept'
    redis-cli -s "$dir/socket" config set crash-log-enabled no >/dev/null
    redis-cli -s "$dir/socket" debug populate 20000 >/dev/null 2>&1 || :
    ;;
python)
    await out ready
    ;;
sqlite)
    echo "create table t(a, b); with recursive n(i) as (select 1 union all select i + 1
        from n where i < 50000) insert into t select i, hex(i) from n;
        select 'rea' || 'dy';" >&3
    await out ready
    ;;
esac
kill -STOP "$pid"
await "/proc/$pid/status" 'State:.T'

gcore -o gcore "$pid" >gdb.out 2>&1 || fail "no core: $(tail -n 3 gdb.out)"
"$same" "$pid" "$dir/gcore.$pid" || fail "gcore's core is not like the process"
await "/proc/$pid/status" 'State:.T'

case $program:$(cat /proc/sys/kernel/core_pattern) in
redis:*) ;; # its other threads run a moment longer than the one that gets the signal
*:core)
    kill -XCPU "$pid"
    kill -CONT "$pid"
    wait "$pid" || :
    core=core
    [ -f core ] || core=core.$pid # with core_uses_pid
    [ -f "$core" ] || fail "the kernel wrote no core"
    "$same" "$dir/gcore.$pid" "$dir/$core" || fail "the kernel's core is not like gcore's"
    ;;
*)
    echo "core_pattern is no bare name: the kernel's core is not tested"
    ;;
esac
