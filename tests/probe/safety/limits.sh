#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Provokes: "RLIMIT_AS: reserve in small steps … ENOSPC/ENOMEM -> stop tracking quietly",
# RLIMIT_NOFILE small, RLIMIT_STACK unlimited and small, RLIMIT_MEMLOCK 0, RLIMIT_FSIZE 0
# ("SIGXFSZ must never come from us"), closed standard descriptors.

# shellcheck source=tests/probe/safety/common.sh
. "$(dirname "$0")/common.sh"

same 'no limits' : "$program"
has_snapshot

# Down to where the bare program still works; below 512 MB it keeps all of it. With arenas
# of its own for each thread it is a matter of luck how much it needs.
export MALLOC_ARENA_MAX=1
for kilobytes in 2000000 600000; do
    same "$kilobytes KiB of address space" "ulimit -v $kilobytes" "$program"
    has_snapshot
done
expected='^heapsnap: not tracking: its limit on memory'
for kilobytes in 500000 200000 120000 80000 60000 50000 40000 35000 32000 30000; do
    same "$kilobytes KiB of address space" "ulimit -v $kilobytes" "$program"
done
same '200000 KiB of data' 'ulimit -d 200000' "$program"
expected=-

for descriptors in 64 32 16; do
    same "$descriptors descriptors" "ulimit -n $descriptors" "$program"
    has_snapshot
done

same 'an unlimited stack' 'ulimit -s unlimited' "$program"
has_snapshot
same 'a small stack' 'ulimit -s 100' "$program"
has_snapshot
same 'no locked memory' 'ulimit -l 0' "$program"
has_snapshot

# The program writes into a pipe, and nothing else into files. No line of ours, on stderr,
# may end it: neither by the limit nor because nobody reads it.
same 'no files' 'ulimit -f 0' "$program"
sh -c 'trap "" PIPE; exec "$0"' "$program" >bare.out
{
    HEAPSNAP_OPTIONS=unknown LD_PRELOAD=$shim "$program" >tracked.out
    echo $? >status
} 2>&1 | true
[ "$(cat status)" -eq 7 ] || fail "a closed pipe on stderr gave status $(cat status)"
cmp -s bare.out tracked.out || fail "a closed pipe on stderr: the output differs"

for closed in '0<&-' '1>&-' '2>&-' '0<&- 1>&- 2>&-'; do
    same "closed $closed" "exec $closed" "$program"
    has_snapshot
done
end
