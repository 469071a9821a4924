#!/bin/sh
# SPDX-License-Identifier: MIT
#
# heapsnap tree and heapsnap retainers, on one file with types.

. "$(dirname "$0")/common.sh"

# A node by id, by its address and by one inside it.
for node in @245 245 0x55d0c3a038e8 0x55d0c3a038f0; do
    run "$heapsnap" tree "$after" "$node"
    expect_status 0
    expect_quiet
    expect_out '@245 struct lru_cache 0x55d0c3a038e8  96 B, retains 29.6 kB, distance 3'
    expect_out 'held by       default_cache (libcache.so.2)'
    expect_out '└╴.head: struct cache_entry'
done

# Contents: largest first, cut with what is left, cycles and other places marked.
run "$heapsnap" tree "$after"
expect_out '├╴g_sessions: struct hash_table 0x55d0c3a03208'
expect_out '… 7 more, 6.7 kB'
expect_out '↗ loop in event_loop() loop.c:140: uv_loop_t'
run "$heapsnap" tree "$after" --json --depth 2
expect_json 'd["tree"]["id"] == 1 and d["path"] is None and d["total_bytes"] == 350256'
expect_json '[r["retained"] for r in d["tree"]["rows"]] == sorted((r["retained"] for r in d["tree"]["rows"]), reverse=True)'
expect_json 'all(r["mark"] != "whole" or not r["rows"] for g in d["tree"]["rows"] for r in g["rows"])'
run "$heapsnap" tree "$after" --json --top 1 --depth 3
expect_json 'len(d["tree"]["rows"]) == 1 and d["tree"]["left_out"] == 5'
run "$heapsnap" tree "$after" 201 --min-bytes 10K
expect_out '.rx: struct rx_buffer'
expect_no_out '.user'
run "$heapsnap" tree "$after" --filter BOB --depth 5
expect_out '"bob"'
expect_no_out '(Modules)'
run "$heapsnap" tree "$after" @273
expect_no_out 'allocated at'
run "$heapsnap" tree "$after" @273 --weak
expect_out '(weak) allocated at'
run "$heapsnap" tree "$after" --csv --depth 1
[ "$(head -n 1 "$files/out")" = depth,edge,id,distance,shallow,retained,class,name,mark ] ||
    fail 'the CSV heading'
[ "$(wc -l <"$files/out")" -eq 8 ] || fail 'one line a row and the heading'

# Holders: the nearest first, and only that opened.
run "$heapsnap" retainers "$after" @285
expect_status 0
expect_out 'held by       thread 2 "worker" tid 4243 → sess in handle_request() worker.c:77 → .rx'
expect_out '└╴.rx in struct session 0x55d0c3a03e88'
expect_out '▸ .next in struct session 0x55d0c3a03d98'
expect_no_out 'g_sessions'
run "$heapsnap" retainers "$after" @285 --all
expect_out '↑ g_sessions in server (.data, .bss)'
run "$heapsnap" retainers "$after" @281 --json
expect_json '[r["distance"] for r in d["tree"]["rows"]] == [2, 10]'
expect_json '[r["mark"] for r in d["tree"]["rows"]] == ["whole", "folded"]'
expect_json 'd["holding"] == "held" and d["stack"].startswith("session_new (session.c:24) ← ")'
run "$heapsnap" retainers "$after" @377
expect_out 'lost          @377'
expect_out '(Unreachable: leaked)'
run "$heapsnap" retainers "$after" @1
expect_status 0
expect_out 'it is the root'

# A narrow terminal cuts names and nothing else.
COLUMNS=60 run "$heapsnap" tree "$after"
expect_out ' @209 '

expect_refusal() {
    expect_status "$1"
    expect_err "$2"
    [ ! -s "$files/out" ] || fail 'stdout is not empty'
}

for verb in lost tree retainers; do
    run "$heapsnap" "$verb"
    expect_refusal 2 'which file?'
    run "$heapsnap" "$verb" "$files/nothing" @1
    [ "$verb" = lost ] && expect_refusal 2 'one file at a time' ||
        expect_refusal 1 'No such file or directory'
done
run "$heapsnap" retainers "$after"
expect_refusal 2 'which node?'
for node in @ 12x 0x 0xg -1 99999999999999999999 @0x12; do
    run "$heapsnap" tree "$after" -- "$node"
    expect_refusal 2 "'$node' is no node"
done
run "$heapsnap" tree "$after" 1 3
expect_refusal 2 'one node at a time'
run "$heapsnap" tree "$after" --depth 0
expect_refusal 2 "'0' is no number of levels"

one_line() {
    expect_refusal 1 "$1"
    [ "$(wc -l <"$files/err")" -eq 1 ] || fail 'one line on stderr'
}
run "$heapsnap" tree "$after" 4294967297
one_line 'no node has the id 4294967297'
run "$heapsnap" retainers "$after" 0x10
one_line 'no block with a name of its own holds 0x10'
for verb in 'lost' 'tree' 'retainers @285'; do
    # shellcheck disable=SC2086 # a verb and its node
    "$heapsnap" ${verb%% *} "$after" ${verb#"${verb%% *}"} >/dev/full 2>"$files/err"
    status=$?
    : >"$files/out"
    one_line 'cannot print'
done
