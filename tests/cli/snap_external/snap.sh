#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `heapsnap snap` of processes that were never preloaded, and of their core files: the same
# graph, block for block; a clear line where an allocator cannot be walked.
#
#   snap.sh HEAPSNAP SUBJECT WORKER
. "$(dirname "$0")/../common.sh"
subject=$2
worker=$3
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

# A process in the middle of its work.
truncate -s 960008 table # struct table
"$subject" table churn 3000 &
pid=$!
started=$pid
until [ "$(od -An -td8 -N8 table)" -eq 6 ]; do
    kill -0 "$pid" 2>/dev/null || fail 'the subject has ended'
    sleep 0.1
done

try 0 "$heapsnap" snap --json -d . "$pid"
grep -q "^heapsnap: process $pid (.*) ran without the preloaded library: who allocated" err \
    || fail 'it does not say what is not known'
grep -q '"source":"process"' out || fail 'it does not say that it looked from outside'
file=$(find . -name "heap.$pid.*.heapsnapshot")
loads "$file"
grep -q 'malloc' summary || fail 'no block is in the summary'
kill -0 "$pid" || fail 'the process has ended'
grep -q '^State:.[RS]' "/proc/$pid/status" || fail 'the process does not go on'

# The same moment, alive and as a core file.
kill -STOP "$pid"
until grep -q '^State:.T' "/proc/$pid/status"; do sleep 0.1; done
if command -v gcore >/dev/null; then
    "$heapsnap" snap -o live.heapsnapshot "$pid" >out 2>err || fail 'a stopped process was refused'
    gcore -o core "$pid" >/dev/null 2>&1 || fail 'gcore failed'
    "$heapsnap" snap -o core.heapsnapshot --core "core.$pid" "$subject" >out 2>err \
        || fail 'the core was refused'
    python3 "$here/same.py" live.heapsnapshot core.heapsnapshot >out 2>err || fail "$(cat out)"
fi

# What is no core, and too many programs.
echo 'no core' >text
try 1 "$heapsnap" snap --core text
said text
try 1 "$heapsnap" snap --core missing
said missing
try 2 "$heapsnap" snap --core text one two
try 2 "$heapsnap" snap

# No process is looked at for a file that cannot be written.
try 1 "$heapsnap" snap -o missing/a.heapsnapshot "$pid"
said missing

# Allocators that cannot be walked.
if [ -e /usr/lib/x86_64-linux-gnu/libjemalloc.so.2 ]; then
    mkfifo input
    LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2 "$worker" 10 10 <input >/dev/null &
    other=$!
    started="$started $other"
    exec 8>input
    until grep -q libjemalloc "/proc/$other/maps"; do sleep 0.1; done
    try 1 "$heapsnap" snap "$other"
    said 'allocates with jemalloc.*; start it with: heapsnap run -- COMMAND'
    exec 8>&-
fi
exit 0
