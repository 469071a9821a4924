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
