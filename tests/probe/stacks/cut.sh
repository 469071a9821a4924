#!/bin/sh
# SPDX-License-Identifier: MIT
#
# cut.sh TOOL PROGRAM   Stacks that are deeper than what is kept are counted in the snapshot,
# and `summary` says so.

tool=$(realpath "$1") && program=$(realpath "$2") || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

"$tool" run -o "$folder/deep.heapsnapshot" -- "$program" deep || exit 1
"$tool" run -o "$folder/cut.heapsnapshot" -- "$program" 'deeper than what is kept' || exit 1
"$tool" summary "$folder/deep.heapsnapshot" > "$folder/deep.txt" || exit 1
"$tool" summary "$folder/cut.heapsnapshot" > "$folder/cut.txt" || exit 1
if grep cut "$folder/deep.txt"; then
    echo 'no stack was cut, but the summary says so'
    exit 1
fi
grep 'stacks were cut at 256 frames' "$folder/cut.txt" && exit 0
echo 'the summary does not tell that stacks were cut:'
cat "$folder/cut.txt"
exit 1
