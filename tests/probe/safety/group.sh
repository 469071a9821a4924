#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every exit snapshot of group.c is there: of 60, 41 were lost once.

# shellcheck source=tests/probe/safety/common.sh
. "$(dirname "$0")/common.sh"

# shellcheck disable=SC2031 # no subshell did
export HEAPSNAP_OPTIONS="snapshot=exit:dir=$work/snapshots"
for round in 1 2 3 4 5 6 7 8 9 10; do
    title="round $round"
    LD_PRELOAD=$shim "$program" >tracked.out 2>tracked.err
    [ $? -eq 7 ] || fail "$title: the status differs"
    [ ! -s tracked.err ] || fail "$title: something is said"
    has_snapshot
done
end
