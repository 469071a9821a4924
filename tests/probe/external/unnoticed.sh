#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A process is looked at again and again, by an image and stopped: everything of it can be
# read, its memory does not double, and it notices nothing.
#
#   unnoticed.sh LOOK SUBJECT WAY [HOLD_MS]
set -eu
look=$1 subject=$2 way=$3 hold=${4:-0}
# shellcheck source=tests/probe/external/common.sh
. "${0%/*}/common.sh"

start_subject 32
"$look" "$pid" "$way" 20 >"$dir/looks"
expect_no_children
[ "$(grep -c "^$way threads=9 missing=0 .*whole=1" "$dir/looks")" = 20 ] \
    || fail "not all looks went that way: $(cat "$dir/looks")"
if [ "$way" = image ]; then
    # The pages that reading had un-shared would be the process's own again.
    awk '{ sub("private=", "", $4); if ($4 > 10) exit 1 }' "$dir/looks" \
        || fail "the memory was copied: $(cat "$dir/looks")"
fi
if [ "$hold" -gt 0 ]; then
    "$look" "$pid" image 1 "$hold" >"$dir/looks"
    grep -q 'whole=0' "$dir/looks" || fail "the image lived on: $(cat "$dir/looks")"
    expect_no_children
fi
end_subject
