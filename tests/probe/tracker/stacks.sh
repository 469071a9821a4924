#!/bin/sh
# SPDX-License-Identifier: MIT
#
# stacks.sh SHIM EVERY LEAST COMMAND…   Every EVERY-th stack that the shim's own walk finds
# in COMMAND and its children is libunwind's, frame for frame; and LEAST at least were
# compared. Those where libunwind stops before the end are counted as equal.

shim=$(realpath "$1") && every=$2 && least=$3 || exit 1
shift 3
command -v "$1" > /dev/null || { echo "skip: $1 is not installed"; exit 77; }
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT

LD_PRELOAD=$shim HEAPSNAP_OPTIONS="verify=stacks/$every" "$@" > /dev/null 2> "$said"
status=$?
if [ "$status" -ne 0 ]; then
    echo "$1 ended with $status"
    head -20 "$said"
    exit 1
fi
grep -a '^heapsnap: ' "$said" | head -200
awk -v least="$least" '
/^heapsnap: stacks: / { equal += $3; early += $5; different += $9; left += $11 }
END {
    printf "%d equal, %d longer, %d different, %d left to libunwind\n", equal, early, different, left
    if (different > 0) { print "stacks differ from those of libunwind"; exit 1 }
    if (equal + early < least) { printf "fewer than %d stacks were compared\n", least; exit 1 }
}' "$said"
