#!/bin/sh
# SPDX-License-Identifier: MIT
#
# heapsnap lost: groups of lost blocks, for people, as JSON and as CSV.

. "$(dirname "$0")/common.sh"

run "$heapsnap" lost "$after"
expect_status 0
expect_quiet
expect_out '25 lost blocks of 12.5 kB; nothing points to 13 of them'
expect_out 'struct http_request ← request_new (http.c:40)'
expect_out 'allocated by  request_new (http.c:40) ← parse_request (http.c:212) ← on_read (server.c:260)'
expect_out 'ids           @377 @381 @385 @389 @393 @397 @401 @405 … 4 more'

run "$heapsnap" lost "$after" --json
expect_status 0
expect_json 'd["lost_count"] == 25 and d["leaders"] == 13'
expect_json 'sum(r["retained"] for r in d["rows"]) + d["shared_bytes"] == d["lost_bytes"]'
expect_json '[(r["class"], r["blocks"], r["below"], r["own"], r["retained"]) for r in d["rows"]] == [("struct http_request", 12, 12, 3840, 11520), ("SSL_CTX", 1, 0, 1024, 1024)]'
expect_json 'd["rows"][1]["stack"] == ["tls_init (tls.c:22)", "server_init (server.c:63)", "main (server.c:88)"]'
expect_json 'len(d["rows"][0]["ids"]) == 12 and d["rows"][1]["ids"] == [425]'

run "$heapsnap" lost "$after" --filter TLS
expect_out 'SSL_CTX'
expect_no_out 'http_request'

run "$heapsnap" lost "$after" --min-bytes 2K --json
expect_json 'len(d["rows"]) == 1'
run "$heapsnap" lost "$after" --min-bytes 1M
expect_status 0
expect_out 'none of it is what --filter and --min-bytes ask for'
run "$heapsnap" lost "$after" --top 1
expect_out 'and 1 more stacks; --top 0 shows all'

run "$heapsnap" lost "$after" --csv
[ "$(head -n 1 "$files/out")" = retained,own,blocks,below,first,class,stack ] ||
    fail 'the CSV heading'
[ "$(wc -l <"$files/out")" -eq 3 ] || fail 'one line a group and the heading'

# A browser's file: root → window → div (detached) → text; and one without the div.
browser() {
    cat <<END
{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count","detachedness"],
"node_types":[["hidden","native","synthetic"],"string","number","number","number","number"],
"edge_fields":["type","name_or_index","to_node"],
"edge_types":[["property"],"string_or_number","node"]},"node_count":4,"edge_count":3},
"nodes":[2,0,1,0,1,0,
1,1,3,8,1,0,
1,2,5,100,1,$1,
1,3,7,50,0,0],
"edges":[0,1,6,
0,2,12,
0,3,18],
"strings":["","Window","<div>","Text"]}
END
}
browser 2 >"$files/detached"
run "$heapsnap" lost "$files/detached"
expect_status 0
expect_out '1 detached node and 1 below them, 150 B'
expect_out 'Detached <div>'
expect_out 'ids           @5'
browser 0 >"$files/attached"
run "$heapsnap" lost "$files/attached"
expect_status 0
expect_out 'no lost blocks and no detached nodes are in this file'
[ "$(wc -l <"$files/out")" -eq 1 ] || fail 'more than one line'
run "$heapsnap" tree "$files/detached" @3
expect_out '↓ .Text: Detached Text'
run "$heapsnap" lost "$files/attached" --json
expect_json 'd["lost_count"] == 0 and d["rows"] == []'
