#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `lost`, `tree` and `retainers` on snapshots that programs and Node have just made:
#
#     views.sh HEAPSNAP LOST_TREE ORPHANED_CYCLE GLOBAL_LIST [NODE]
#
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"
lost_tree=$2 orphaned_cycle=$3 global_list=$4 node=${5-}

capture() {
    try 0 "$heapsnap" run -o "$2.heapsnapshot" -- "$1"
    loads "$2.heapsnapshot"
}

# A Python expression over the JSON document `d` on stdout.
holds() {
    python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
rows = d.get("rows", d.get("tree", {}).get("rows"))
sys.exit(0 if eval(sys.argv[2]) else 1)' "$work/out" "$1" 2>>"$work/err" ||
        fail "not true of what it printed: $1"
}

# What an expression over the same gives.
value() {
    python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
rows = d.get("rows", d.get("tree", {}).get("rows"))
print(eval(sys.argv[2]))' "$work/out" "$1" || fail "no such value: $1"
}

# Eleven rounds lose the two halves of a tree of 31 nodes each.
capture "$lost_tree" tree
try 0 "$heapsnap" lost --json tree.heapsnapshot
holds 'd["lost_count"] == 330 and d["lost_bytes"] == 330 * 24'
holds '(rows[0]["blocks"], rows[0]["below"], rows[0]["own"], rows[0]["retained"]) == (22, 308, 22 * 24, 330 * 24)'
holds 'rows[0]["stack"][0].startswith("node_new (lost_tree.c:") and rows[0]["stack"][-1].startswith("main (")'
leader=$(value 'rows[0]["ids"][0]')

# Each half is 15 nodes; what it holds goes with it, and leads back to it.
try 0 "$heapsnap" tree --json tree.heapsnapshot "@$leader"
holds 'd["holding"] == "lost" and d["path"] == "@%d" % d["node"]["id"] and d["node"]["retained"] == 15 * 24'
holds '[r["retained"] for r in rows] == [7 * 24, 7 * 24] and [len(r["rows"]) for r in rows] == [2, 2]'
leaf=$(value 'rows[1]["rows"][1]["rows"][0]["id"]')
try 0 "$heapsnap" retainers --json tree.heapsnapshot "@$leaf"
holds "d['path'].startswith('@$leader → ') and d['node']['distance'] == 6"
holds "rows[0]['rows'][0]['rows'][0]['id'] == $leader"
address=$(value 'd["node"]["name"].split()[-1]')
try 0 "$heapsnap" retainers --json tree.heapsnapshot "$address"
holds "d['node']['id'] == $leaf"

# A cycle that nothing leads to is one leader and what is below it; the way is cut where it
# closes.
capture "$orphaned_cycle" cycle
try 0 "$heapsnap" lost --json cycle.heapsnapshot
holds 'rows[0]["blocks"] == rows[0]["below"] == d["lost_count"] // 2 and len(rows) == 1'
leader=$(value 'rows[0]["ids"][0]')
try 0 "$heapsnap" tree cycle.heapsnapshot "@$leader"
grep -q '↻' out || fail 'the cycle is not marked'

# Nothing is lost of a list that a global holds, and every member leads to that.
capture "$global_list" list
try 0 "$heapsnap" lost list.heapsnapshot
grep -q 'list.heapsnapshot: nothing is lost$' out || fail 'something is lost'
try 0 "$heapsnap" tree --json --depth 6 --filter subscriber list.heapsnapshot
last=$(value 'rows[0]["rows"][0]["rows"][0]["rows"][0]["rows"][0]["id"]')
try 0 "$heapsnap" retainers list.heapsnapshot "@$last"
grep -q 'held by       g_subscribers (global_list) → .* ×2$' out \
    || fail 'the way does not begin at the global'
grep -q '↑ g_subscribers in global_list (.data, .bss)$' out || fail 'the holders do not end there'

# A sample cannot tell what is lost.
try 0 "$heapsnap" run --sample 1K -o sample.heapsnapshot -- "$lost_tree"
try 0 "$heapsnap" lost sample.heapsnapshot
grep -q 'it cannot tell what is lost$' out || fail 'a sample tells what is lost'

[ -n "$node" ] || exit 0
try 0 "$node" -e '
class Session { constructor(i) { this.name = "user " + i; this.tags = [i]; } }
globalThis.kept = new Map();
for (let i = 0; i < 50; i++) kept.set(i, new Session(i));
require("v8").writeHeapSnapshot("node.heapsnapshot");'
try 0 "$heapsnap" lost node.heapsnapshot
[ -s out ] || fail 'nothing is said about what is lost'
try 0 "$heapsnap" tree --json --depth 4 --filter Session node.heapsnapshot
session=$(value 'next(s["id"] for g in rows for m in g["rows"] if m["edge"] == ".kept" for t in m["rows"] for s in t["rows"] if s["class"] == "Session")')
try 0 "$heapsnap" retainers node.heapsnapshot "@$session"
grep -q 'held by       .*\.kept → table → ' out || fail 'the way does not lead through the map'
grep -q '\.kept in ' out || fail 'the holders do not lead to the global object'
try 0 "$heapsnap" tree node.heapsnapshot "@$session"
grep -q '\.name: "user ' out || fail 'the name is not shown'
