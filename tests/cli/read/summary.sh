#!/bin/sh
# SPDX-License-Identifier: MIT
#
# heapsnap summary: DevTools' numbers, for people, as JSON and as CSV.

. "$(dirname "$0")/common.sh"

run "$heapsnap" summary "$after"
expect_status 0
expect_quiet
expect_out 'struct session'
expect_out 'Detached struct http_request'
expect_out 'pid 4242 (./server -p 8080)'
expect_out 'and 2 more classes; --top 0 shows all'

run "$heapsnap" summary "$after" --json
expect_status 0
expect_json 'd["total_bytes"] == 350256 and d["metadata"]["pid"] == 4242'
expect_json '[r["retained"] for r in d["rows"]] == sorted((r["retained"] for r in d["rows"]), reverse=True)'
expect_json '[(r["count"], r["distance"], r["shallow"], r["retained"]) for r in d["rows"] if r["class"] == "struct session"] == [(8, 3, 1664, 133440)]'
expect_json 'next(r for r in d["rows"] if r["class"] == "struct session")["devtools_class"] == "<struct\u00a0session>"'

run "$heapsnap" summary "$after" --json --top 3
expect_json 'len(d["rows"]) == 3'

run "$heapsnap" summary "$after" --filter SESSION
expect_out 'struct session'
expect_no_out 'hash_table'

run "$heapsnap" summary "$after" --min-bytes 100K --json
expect_json 'all(r["retained"] >= 102400 for r in d["rows"]) and d["rows"]'

run "$heapsnap" summary "$after" --csv
expect_status 0
[ "$(head -n 1 "$files/out")" = count,distance,shallow,retained,class ] || fail 'the CSV heading'
[ "$(wc -l <"$files/out")" -eq 23 ] || fail 'one line a class and the heading'

# The locale changes widths, never texts.
LC_ALL=C run "$heapsnap" summary "$after"
expect_out 'void* ← cache_put (cache.c:74)'
