#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What preloading the shim costs: the bare and the preloaded program take turns, and the
# median of the ratios is printed.  ratio.sh SHIM ROUNDS PROGRAM ARGS…
# The program prints one number, its own measure of time.

shim=$1
rounds=$2
shift 2

ratios=
for round in $(seq "$rounds"); do
    bare=$("$@") || { echo "ratio.sh: $1 failed" >&2; exit 1; }
    tracked=$(LD_PRELOAD=$shim "$@") || { echo "ratio.sh: $1 failed preloaded" >&2; exit 1; }
    ratios="$ratios $(echo "$bare $tracked" | awk '{ printf "%.3f", $2 / $1 }')"
    echo "round $round: bare $bare, preloaded $tracked"
done
echo "$ratios" | tr ' ' '\n' | grep . | sort -n |
    awk '{ r[NR] = $1 } END { printf "median ratio %.2f\n", r[int((NR + 1) / 2)] }'
