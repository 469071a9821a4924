#!/bin/sh
# SPDX-License-Identifier: MIT
#
# addon.sh TOOL ADDON   The stacks of an addon's allocations reach from malloc through
# the addon, Node and JIT code to the start of the program, in the snapshot.

command -v node > /dev/null || { echo "skip: node is not installed"; exit 77; }
tool=$(realpath "$1") && addon=$(realpath "$2") && here=$(realpath "$(dirname "$0")") || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

"$tool" run -o "$folder/addon.heapsnapshot" -- node "$here/addon.js" "$addon" || exit 1
node "$here/addon.js" -c "$folder/addon.heapsnapshot"
