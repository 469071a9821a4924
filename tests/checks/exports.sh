#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What a library shows to the world is exactly what was decided: a name too many gets into
# strangers' programs, a name too few breaks them.
#
#   exports.sh LIBRARY LIST       a file, one name a line
#   exports.sh LIBRARY HEADERS    a folder of public headers: whatever they mark HS_API
set -eu
export LC_ALL=C

wanted_names()
{
    if [ -d "$1" ]; then
        cat "$1"/*.h | tr '\n' ' ' | grep -oE 'HS_API [^;{]*[;{]' \
            | sed -nE 's/^HS_API ([^(]*[ *])?(hs_[a-z0-9_]+) *\(.*/\2/p'
    else
        sed "s/ *#.*//; /^\$/d" "$1"
    fi | sort -u
}

found=$(mktemp)
trap 'rm -f "$found"' EXIT
# The nodes of a version script are names, too ("HEAPSNAP_1.0", type A): not counted.
nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$found"
[ -s "$found" ] || { echo "$1 exports nothing"; exit 1; }
[ "$(wanted_names "$2")" = "$(cat "$found")" ] && exit 0

echo "$1 does not export what $2 lists"
wanted_names "$2" | diff - "$found" | sed -n 's/^</  missing:    /p; s/^>/  not listed: /p'
exit 1
