#!/bin/sh
# SPDX-License-Identifier: MIT
#
# compare.sh SHIM EVERY LEAST MOST COMMAND…   Every EVERY-th stack that the shim's own walk
# finds in COMMAND and its children is libunwind's, frame for frame, or better (steps.c);
# LEAST at least were compared, and of all at most MOST percent left to libunwind.
# COMPARE_WITH=OPTION is one more option for the shim.

shim=$(realpath "$1") && every=$2 && least=$3 && most=$4 || exit 1
shift 4
command -v "$1" > /dev/null || { echo "skip: $1 is not installed"; exit 77; }
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT

LD_PRELOAD=$shim HEAPSNAP_OPTIONS="verify=stacks/$every:$COMPARE_WITH" "$@" > /dev/null 2> "$said" \
    < /dev/null
status=$?
if [ "$status" -ne 0 ]; then
    echo "$1 ended with $status"
    head -20 "$said"
    exit 1
fi
grep -a '^heapsnap: ' "$said" | head -200
awk -v least="$least" -v most="$most" '
/^heapsnap: stacks: / { equal += $3; better += $5; different += $9; left += $11; alone += $15 }
END {
    seen = equal + better + different + left
    printf "%d equal, %d better, %d different, %d (%.2f %%) left to libunwind, %d without it\n",
        equal, better, different, left, seen ? 100 * left / seen : 0, alone
    if (different > 0) { print "stacks differ from those of libunwind"; exit 1 }
    if (equal + better < least) { printf "fewer than %d stacks were compared\n", least; exit 1 }
    if (100 * left > most * seen) { printf "more than %d %% were left to libunwind\n", most; exit 1 }
}' "$said"
