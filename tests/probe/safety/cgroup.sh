#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Provokes: "memory cgroup limits": a program in a group that may have little memory. The
# bare program lives there, so the tracked one must, reservations and image included.

# shellcheck source=tests/probe/safety/common.sh
. "$(dirname "$0")/common.sh"

group=heapsnap-test-$$
if mkdir "/sys/fs/cgroup/memory/$group" 2>/dev/null; then # version 1
    folder=/sys/fs/cgroup/memory/$group
    limit=$folder/memory.limit_in_bytes
elif [ -w /sys/fs/cgroup/cgroup.subtree_control ] && mkdir "/sys/fs/cgroup/$group" 2>/dev/null; then
    folder=/sys/fs/cgroup/$group
    limit=$folder/memory.max
else
    echo 'note: no memory cgroup can be made here'
    exit 77
fi
if ! [ -w "$limit" ] || ! echo $((40 << 20)) >"$limit" 2>/dev/null; then
    rmdir "$folder"
    echo 'note: this memory cgroup takes no limit'
    exit 77
fi
same '40 MB in a group' "echo 0 >'$folder/cgroup.procs'" "$program"
has_snapshot
# The helper may be on its way out.
tries=0
until rmdir "$folder" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || break
    sleep 0.1
done
end
