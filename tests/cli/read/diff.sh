#!/bin/sh
# SPDX-License-Identifier: MIT
#
# heapsnap diff: what changed, who allocated it, who holds it, and leak events.

. "$(dirname "$0")/common.sh"

run "$heapsnap" diff "$before" "$after"
expect_status 0
expect_quiet
expect_out 'void* ← cache_put (cache.c:74)  +22.4 kB in 20 new'
expect_out 'allocated by  cache_put (cache.c:74) ← on_read (server.c:260)'
expect_out 'held by       default_cache (libcache.so.2) → .head → .next ×5 → .value'
expect_out 'lost: nothing points to it'

run "$heapsnap" diff "$before" "$before"
expect_status 0
expect_out 'nothing was added and nothing removed'

run "$heapsnap" diff "$before" "$after" --json
expect_status 0
expect_json 'len(d["files"]) == 2 and d["events"] == []'
expect_json '(lambda r: (r["added"], r["removed"], r["delta"], r["added_bytes"], r["removed_bytes"], r["delta_bytes"]) == (20, 0, 20, 22400, 0, 22400))(next(r for r in d["rows"] if "cache.c:74" in r["class"]))'
expect_json 'next(r for r in d["rows"] if "http_request" in r["class"])["lost"] is True'
expect_json 'all(r["class"] not in ("(synthetic)", "") for r in d["rows"])'

# Backwards everything new is gone.
run "$heapsnap" diff "$after" "$before" --json
expect_json 'all(r["added"] == 0 and r["delta_bytes"] < 0 for r in d["rows"]) and d["rows"]'

run "$heapsnap" diff "$before" "$before" "$after" --json --top 1
expect_json 'd["rows"][0]["steps"] == [0, d["rows"][0]["delta_bytes"]]'

run "$heapsnap" diff "$before" "$after" --by site
expect_out 'buffer_new (buffer.c:9)'
expect_no_out 'live,'
run "$heapsnap" diff "$before" "$after" --by module --json
expect_json '{"server", "libcache.so.2", "(lost)"} <= {r["class"] for r in d["rows"]}'

run "$heapsnap" diff "$before" "$after" --threshold 10K
expect_status 3
expect_out 'leak: void* ← cache_put (cache.c:74) grew from 5.5 kB (5 blocks) to 27.9 kB (25 blocks): +22.4 kB ≥ 10.2 kB; allocated by cache_put (cache.c:74)'
run "$heapsnap" diff "$before" "$after" --threshold 10%,20-objects --json
expect_status 3
expect_json 'all(e["event"] == "leak" and e["reason"] for e in d["events"]) and len(d["events"]) == 4'
run "$heapsnap" diff "$before" "$after" --threshold 1G
expect_status 0
expect_no_out 'leak:'

run "$heapsnap" diff "$before" "$after" --csv --top 2
[ "$(wc -l <"$files/out")" -eq 3 ] || fail 'two rows of CSV and the heading'

# Two processes: said once, compared all the same.
sed 's/"pid":4242/"pid":4243/' "$after" >"$files/other.heapsnapshot"
run "$heapsnap" diff "$before" "$files/other.heapsnapshot"
expect_status 0
expect_err 'are of different processes'
[ "$(wc -l <"$files/err")" -eq 1 ] || fail 'one line on stderr'
