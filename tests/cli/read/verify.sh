#!/bin/sh
# SPDX-License-Identifier: MIT
#
# heapsnap verify: sound files are written anew and say the same; damage has a place.

. "$(dirname "$0")/common.sh"

run "$heapsnap" verify "$after"
expect_status 0
expect_quiet
expect_out 'sound: 159 nodes, 313 edges, 226 strings, 0 locations, 29 trace nodes'

run "$heapsnap" verify "$after" --rewrite "$files/again"
expect_status 0
expect_out 'says the same'
run "$heapsnap" summary --json "$after"
sed 1,2d "$files/out" >"$files/summary"
run "$heapsnap" summary --json "$files/again"
sed 1,2d "$files/out" | cmp - "$files/summary" || fail 'another summary'

# What was written once is written again to the letter.
run "$heapsnap" verify "$files/again" --rewrite "$files/third"
expect_status 0
cmp "$files/again" "$files/third" || fail 'not the same bytes'

# A snapshot of the V8 that is installed here.
if command -v node >/dev/null 2>&1; then
    node -e 'require("v8").writeHeapSnapshot(process.argv[1])' "$files/node.heapsnapshot"
    run "$heapsnap" info --json "$files/node.heapsnapshot"
    expect_json 'd["made_by"] == "node" and d["complete"]'
    run "$heapsnap" verify "$files/node.heapsnapshot" --rewrite "$files/node"
    expect_status 0
    expect_out 'says the same'
fi

# Packed files are read as they are.
gzip -c "$after" >"$files/after.heapsnapshot.gz"
run "$heapsnap" verify "$files/after.heapsnapshot.gz" --rewrite "$files/unpacked"
expect_status 0
cmp "$files/again" "$files/unpacked" || fail 'unpacked it is another'
run "$heapsnap" diff --json "$files/after.heapsnapshot.gz" "$after"
expect_json 'd["rows"] == []'

head -c 5000 "$after" >"$files/cut"
run "$heapsnap" verify "$files/cut" --rewrite "$files/nothing"
expect_status 1
expect_err 'byte 5000: the file ends here'
[ ! -e "$files/nothing" ] || fail 'a damaged file was written anew'
sed 's/^,8,55,15,/,8,55555,15,/' "$after" >"$files/damaged"
run "$heapsnap" verify "$files/damaged"
expect_status 1
expect_err 'is named by string 55555 of 226'
run "$heapsnap" verify "$after" --rewrite "$files"
expect_status 1
expect_err 'it is a directory'
run "$heapsnap" verify
expect_status 2
expect_err 'which file?'
